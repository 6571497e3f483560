// The texts of .help and .metaflowfs/README, made from the table of dot names.
#include <string.h>

#include "fs/tree_i.h"

static void put_row(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "  %-20s %s\n", name, help);
}

static void put_rows(enum kind dir, struct buf *out)
{
    for (const struct dot_name *d = kind_dot_names(); d->name; d++)
        if (d->parent == dir)
            put_row(out, d->name, d->help);
    if (dir != K_CTL && kind_of_dot(dir, ".meta") == K_META) {
        bool in_table = false;
        for (const struct dot_name *d = kind_dot_names(); d->name; d++)
            in_table |= d->parent == dir && d->kind == K_META;
        if (!in_table)
            put_row(out, ".meta", "JSON of the object that this directory belongs to");
    }
    put_row(out, ".help", "this text");
}

static const char *what_is_listed(enum kind dir)
{
    switch (dir) {
    case K_ROOT:
        return "Flows are listed here.";
    case K_FLOW:
        return "The runs of this flow are listed here, newest first.";
    case K_RUN:
        return "The steps of this run are listed here.";
    case K_STEP:
        return "The tasks of this step are listed here.";
    case K_TASK:
    case K_ATTEMPT:
        return "The artifacts of this task are listed here, a file each.";
    case K_CTL:
        return "The mount itself. Nothing here asks a server.";
    default:
        return "The entries of this directory are listed by ls.";
    }
}

void help_text(enum kind dir, struct buf *out)
{
    buf_printf(out, "%s These names are here too, though ls does not show them:\n\n",
               what_is_listed(dir));
    put_rows(dir, out);
}

void help_readme(struct buf *out)
{
    static const struct {
        enum kind dir;
        const char *title, *example;
    } parts[] = {
        {K_ROOT, "In the root", "cat .metaflowfs/status"},
        {K_FLOW, "In a flow", "ls -l HelloFlow/.latest/"},
        {K_RUN, "In a run", "cat HelloFlow/.latest/.end/name"},
        {K_STEP, "In a step", "ls HelloFlow/.latest/hello/.index/"},
        {K_TASK, "In a task", "cat HelloFlow/.latest/.end/.stdout"},
        {K_ATTEMPT, "In TASK/.attempts/N", "cat HelloFlow/.latest/.end/.attempts/0/.log"},
    };
    buf_puts(out, "metaflowfs shows Metaflow as FLOW/RUN/STEP/TASK/ARTIFACT. Listings have Metaflow's\n"
                  "names alone; the names below begin with a dot and are found without being listed\n"
                  "(mount with -o dots=list to see them).\n");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_printf(out, "\n%s, for example `%s`:\n", parts[i].title, parts[i].example);
        put_rows(parts[i].dir, out);
    }
    buf_puts(out, "\nAn artifact reads as what it is: text as text, numbers as one line, containers as JSON,\n"
                  "everything else as its stored bytes. Sizes before the first open are the recorded ones.\n"
                  "When something fails, .metaflowfs/errors has the cause.\n");
}
