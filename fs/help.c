// The texts of .help and .metaflowfs/README, made from the table of dot names.
#include <string.h>

#include "fs/tree_i.h"

static void put_row(struct buf *out, const char *name, const char *help)
{
    buf_printf(out, "  %-20s %s\n", name, help);
}

static bool is_here(const struct dot_name *d, enum kind dir, bool batch)
{
    return d->parent == dir && (batch || (d->kind != K_BATCH && d->kind != K_TASK_BATCH));
}

static void put_rows(enum kind dir, bool batch, struct buf *out)
{
    for (const struct dot_name *d = kind_dot_names(); d->name; d++)
        if (is_here(d, dir, batch))
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

static const char batch_manual[] =
    "Write a job file here, and it runs on AWS Batch:\n\n"
    "  cp job.json .batch/train.json         submits it\n"
    "  cat .batch/train/error                why it was refused: every key, and what is accepted\n"
    "  cat .batch/train/status               SUBMITTED ... RUNNING, SUCCEEDED or FAILED\n"
    "  cat .batch/train/reason               how it ended, in words\n"
    "  tail -f .batch/train/log              what it prints\n"
    "  echo kill > .batch/train/ctl          ends it\n\n"
    "A job file is a step's decorators written as JSON, and the command:\n\n"
    "  { \"command\": [\"python\", \"train.py\", \"--tmp\", \"{tempdir}\"],\n"
    "    \"resources\": {\"cpu\": 8, \"memory\": 100000},\n"
    "    \"batch\": {\"use_tmpfs\": true},\n"
    "    \"environment\": {\"vars\": {\"HF_HOME\": \"{tempdir}/hf\"}},\n"
    "    \"timeout\": {\"hours\": 2}, \"retry\": {\"times\": 1},\n"
    "    \"code\": \"HelloFlow/1795373817325255\", \"depends_on\": [\"prepare\"], \"dry_run\": false }\n\n"
    "Only command is required: a list of words, or a text for the shell. batch, resources, environment, timeout and\n"
    "retry take what @batch, @resources, @environment, @timeout and @retry take. {tempdir} is where the tmpfs is,\n"
    "else \".\". code is a run whose files are unpacked first; depends_on are names here, or job ids; with dry_run\n"
    "the job's directory has the request, and nothing is sent.\n\n"
    "Only files called NAME.json submit, when they are closed; renaming another file so submits it. Names with . or ~\n"
    "in front are scratch. Saving the same text while the job lives changes nothing, other text is refused; saved\n"
    "after its end it runs again, and what was is in attempts/. Where AWS cannot be asked whether the job lives a\n"
    "save fails. A submitted file is not renamed to another NAME.json, which would be a second job: cp it there to\n"
    "run it twice. Removing NAME.json, or renaming it to something else, removes nothing else, and unmounting ends\n"
    "no job. Jobs that Metaflow itself submitted are here too, by their names.\n";
static const char job_manual[] =
    "A job on AWS Batch:\n\n"
    "  job                  the job file\n"
    "  request              what was sent, without secrets\n"
    "  id, status           as Batch tells them\n"
    "  reason, exit_code    how it ended\n"
    "  log                  what it prints: empty at first, it grows while the job runs\n"
    "  tempdir              what {tempdir} stands for\n"
    "  error                why it was not submitted\n"
    "  attempts/            what was before: each run of the file, N, and each try that Batch made, N.M\n"
    "  ctl                  echo kill > ctl ends the job\n"
    "  task                 link to the task, of a job that Metaflow submitted\n\n"
    "What does not apply is not there.\n";

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

void help_text(enum kind dir, bool batch, struct buf *out)
{
    if (dir == K_BATCH) {
        buf_puts(out, batch_manual);
        return;
    }
    if (kind_is_batch(dir)) {
        buf_puts(out, job_manual);
        return;
    }
    buf_printf(out, "%s These names are here too, though ls does not show them:\n\n",
               what_is_listed(dir));
    put_rows(dir, batch, out);
}

void help_readme(bool batch, struct buf *out)
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
        put_rows(parts[i].dir, batch, out);
    }
    if (batch) {
        buf_puts(out, "\nIn .batch, for example `cp job.json .batch/train.json`: cat .batch/.help\n");
    }
    buf_puts(out, "\nAn artifact reads as what it is: text as text, numbers as one line, containers as JSON,\n"
                  "everything else as its stored bytes. Sizes before the first open are the recorded ones.\n"
                  "When something fails, .metaflowfs/errors has the cause.\n");
}
