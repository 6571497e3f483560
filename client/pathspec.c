#include "client/pathspec.h"

#include "base/buf.h"

static const char *const *pathspec_part(const struct pathspec *ps, enum level level)
{
    switch (level) {
    case LEVEL_FLOW:
        return &ps->flow;
    case LEVEL_RUN:
        return &ps->run;
    case LEVEL_STEP:
        return &ps->step;
    case LEVEL_TASK:
        return &ps->task;
    default:
        return NULL;
    }
}

enum level pathspec_level(const struct pathspec *ps)
{
    if (!ps->flow)
        return LEVEL_ROOT;
    if (!ps->run)
        return LEVEL_FLOW;
    if (!ps->step)
        return LEVEL_RUN;
    return ps->task ? LEVEL_TASK : LEVEL_STEP;
}

struct pathspec pathspec_upto(const struct pathspec *ps, enum level level)
{
    struct pathspec cut = {0};
    if (level >= LEVEL_FLOW)
        cut.flow = ps->flow;
    if (level >= LEVEL_RUN && cut.flow)
        cut.run = ps->run;
    if (level >= LEVEL_STEP && cut.run)
        cut.step = ps->step;
    if (level >= LEVEL_TASK && cut.step)
        cut.task = ps->task;
    return cut;
}

struct pathspec pathspec_child(const struct pathspec *ps, const char *id)
{
    enum level level = pathspec_level(ps);
    struct pathspec child = pathspec_upto(ps, level);
    switch (level) {
    case LEVEL_ROOT:
        child.flow = id;
        break;
    case LEVEL_FLOW:
        child.run = id;
        break;
    case LEVEL_RUN:
        child.step = id;
        break;
    default:
        child.task = id;
        break;
    }
    return child;
}

char *pathspec_text(const struct pathspec *ps)
{
    const char *const parts[] = {ps->flow, ps->run, ps->step, ps->task};
    struct buf text = {0};
    for (size_t i = 0; i < sizeof parts / sizeof *parts && parts[i]; i++) {
        if (i > 0)
            buf_putc(&text, '/');
        buf_puts(&text, parts[i]);
    }
    return buf_steal(&text);
}

const char *pathspec_id(const struct pathspec *ps)
{
    enum level level = pathspec_level(ps);
    return level == LEVEL_ROOT ? NULL : *pathspec_part(ps, level);
}
