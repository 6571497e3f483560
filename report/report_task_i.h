// What the files of report/report_task*.c share; nobody else includes it.
#ifndef REPORT_REPORT_TASK_I_H
#define REPORT_REPORT_TASK_I_H

#include "base/json.h"
#include "report/report.h"

// A page that is being written.
struct task_page {
    struct client *c;
    const struct pathspec *ps;
    int attempt;               // -1 for the task as it is
    struct cancel *cancel;
    struct buf *out;
    const char *up;            // from the page's directory to the task's: "" or "../../"
    const struct task *task;
    const struct json *meta;   // what .meta has, or NULL where that could not be made
};

// Sections of the page, in its order. What cannot be read is told in its place.
void task_page_facts(struct task_page *p);      // what it is: status, times, relatives, host
void task_page_exception(struct task_page *p);
void task_page_cards(struct task_page *p);
void task_page_log(struct task_page *p);        // its end
void task_page_artifacts(struct task_page *p);  // with previews
void task_page_metadata(struct task_page *p);   // folded

// What could not be read, as a paragraph.
void task_page_trouble(struct task_page *p, const struct err *err);
// <a href="PREFIX + NAME + SUFFIX">TEXT</a>: the name as the tree shows it, prefix and suffix as they are.
void put_link(struct buf *out, const char *prefix, const char *name, const char *suffix, const char *text);

#endif
