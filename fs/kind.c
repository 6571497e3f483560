#include "fs/kind.h"

#include <string.h>

#define DIR_RO 0555
#define FILE_RO 0444
#define LINK_ANY 0777

static const struct kind_info kinds[K_COUNT] = {
    [K_NONE] = {"none", KIND_DIR, 0, CLASS_NONE, false, false},
    [K_ROOT] = {"root", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_FLOW] = {"flow", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_RUN] = {"run", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_STEP] = {"step", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_TASK] = {"task", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_ARTIFACT] = {"artifact", KIND_FILE, FILE_RO, CLASS_ARTIFACT, false, false},
    [K_META] = {"meta", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_HELP] = {"help", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_CTL] = {"control", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CTL_FILE] = {"control-file", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_CTL_TEMPDIR] = {"tempdir", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_CTL_REFRESH] = {"refresh", KIND_FILE, 0200, CLASS_NONE, false, true},
    [K_BATCH] = {"batch", KIND_DIR, 0700, CLASS_NONE, false, false},
    [K_BATCH_FILE] = {"job-file", KIND_FILE, 0600, CLASS_COMPUTED, true, true},
    [K_JOB] = {"job", KIND_DIR, 0700, CLASS_NONE, false, false},
    [K_JOB_PART] = {"job-part", KIND_FILE, 0400, CLASS_COMPUTED, false, true},
    [K_JOB_LOG] = {"job-log", KIND_FILE, 0400, CLASS_COMPUTED, true, false},
    [K_JOB_CTL] = {"job-control", KIND_FILE, 0200, CLASS_NONE, false, true},
    [K_JOB_TASK] = {"job-task", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_JOB_ATTEMPTS] = {"job-attempts", KIND_DIR, 0700, CLASS_NONE, false, false},
    [K_JOB_ATTEMPT] = {"job-attempt", KIND_DIR, 0700, CLASS_NONE, false, false},
    [K_LATEST] = {"latest", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_LATEST_SUCCESSFUL] = {"latest-successful", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_FLOW_TAGS] = {"flow-tags", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_FLOW_TAG] = {"flow-tag", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_FLOW_FAILED] = {"flow-failed", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_FLOW_RUNNING] = {"flow-running", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_BY_DATE] = {"by-date", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_DAY] = {"day", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_RUN_LINK] = {"run-link", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_PARAMETERS] = {"parameters", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_PARAMETER] = {"parameter", KIND_FILE, FILE_RO, CLASS_ARTIFACT, false, false},
    [K_END] = {"end", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_RUN_TAGS] = {"run-tags", KIND_DIR, 0755, CLASS_NONE, false, false},
    [K_RUN_TAG] = {"run-tag", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_RUN_FAILED] = {"run-failed", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CODE] = {"code", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CODE_DIR] = {"code-directory", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CODE_FILE] = {"code-file", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_CODE_TGZ] = {"code-package", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_GRAPH] = {"graph", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_TIMELINE] = {"timeline", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_REPORT] = {"report", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_INDEX] = {"index", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_INDEX_LINK] = {"index-link", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_STDOUT] = {"stdout", KIND_FILE, FILE_RO, CLASS_COMPUTED, true, false},
    [K_STDERR] = {"stderr", KIND_FILE, FILE_RO, CLASS_COMPUTED, true, false},
    [K_LOG] = {"log", KIND_FILE, FILE_RO, CLASS_COMPUTED, true, false},
    [K_LOGS] = {"logs", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_LOG_PART] = {"log-part", KIND_FILE, FILE_RO, CLASS_COMPUTED, true, false},
    [K_ATTEMPTS] = {"attempts", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_ATTEMPT] = {"attempt", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_PARENTS] = {"parents", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CHILDREN] = {"children", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_TASK_LINK] = {"task-link", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_PICKLES] = {"pickles", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_PICKLE] = {"pickle", KIND_FILE, FILE_RO, CLASS_ARTIFACT, false, false},
    [K_JSONS] = {"jsons", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_JSON] = {"json", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_CSVS] = {"csvs", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CSV] = {"csv", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_NPYS] = {"npys", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_NPY] = {"npy", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, false},
    [K_INTERNALS] = {"internals", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CARDS] = {"cards", KIND_DIR, DIR_RO, CLASS_NONE, false, false},
    [K_CARD] = {"card", KIND_FILE, FILE_RO, CLASS_COMPUTED, false, true},
    [K_CARD_LINK] = {"card-link", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
    [K_TASK_BATCH] = {"task-batch", KIND_LINK, LINK_ANY, CLASS_NONE, false, false},
};

const struct kind_info *kind_info(enum kind kind)
{
    return &kinds[(unsigned)kind < K_COUNT ? kind : K_NONE];
}

static const struct dot_name dots[] = {
    {K_ROOT, ".meta", K_META, "JSON: where the flows come from, and the namespace"},
    {K_ROOT, ".metaflowfs", K_CTL,
     "the mount itself: README, status, stats, errors, config, version, tempdir, refresh"},
    {K_ROOT, ".batch", K_BATCH, "AWS Batch: cp job.json .batch/train.json submits a job; cat .batch/.help"},

    {K_FLOW, ".meta", K_META, "JSON of the flow"},
    {K_FLOW, ".latest", K_LATEST, "link to the newest run"},
    {K_FLOW, ".latest-successful", K_LATEST_SUCCESSFUL, "link to the newest run that succeeded"},
    {K_FLOW, ".tags", K_FLOW_TAGS, "a directory a tag, with links to the runs that have it: ls .tags/user:me"},
    {K_FLOW, ".failed", K_FLOW_FAILED, "links to the runs that failed or stopped reporting"},
    {K_FLOW, ".running", K_FLOW_RUNNING, "links to the runs that are running, or may be"},
    {K_FLOW, ".by-date", K_BY_DATE, "a directory a UTC day of creation: ls .by-date/2026-01-31"},

    {K_RUN, ".meta", K_META, "JSON of the run: status, times, tags"},
    {K_RUN, ".parameters", K_PARAMETERS, "the run's parameters, a file each"},
    {K_RUN, ".end", K_END, "link to the end task: cat .end/x is the client's run.data.x"},
    {K_RUN, ".tags", K_RUN_TAGS, "the run's tags; mkdir .tags/good adds one, rmdir takes it away"},
    {K_RUN, ".failed", K_RUN_FAILED, "links to the failed tasks, STEP.TASK"},
    {K_RUN, ".report.html", K_REPORT, "a page to look at: graph, timeline, parameters, failures"},
    {K_RUN, ".graph.svg", K_GRAPH, "the graph of the steps with their states"},
    {K_RUN, ".timeline.svg", K_TIMELINE, "the tasks over time, attempt by attempt"},
    {K_RUN, ".code", K_CODE, "the files of the run's code package, where it has one, as code.extract() gives them"},
    {K_RUN, ".code.tgz", K_CODE_TGZ, "the whole code package: tar -xzf .code.tgz -C DIR"},

    {K_STEP, ".meta", K_META, "JSON of the step"},
    {K_STEP, ".index", K_INDEX, "links to the tasks of a foreach by their index: .index/2, nested .index/2.0"},

    {K_TASK, ".meta", K_META, "JSON of the task: status, times, exception, index, artifacts with type, size and SHA-1"},
    {K_TASK, ".stdout", K_STDOUT, "what the task printed"},
    {K_TASK, ".stderr", K_STDERR, "what it printed to standard error"},
    {K_TASK, ".log", K_LOG, "both, merged by time"},
    {K_TASK, ".logs", K_LOGS, "the raw log files"},
    {K_TASK, ".attempts", K_ATTEMPTS, "each attempt with its own artifacts and logs: .attempts/0"},
    {K_TASK, ".parents", K_PARENTS, "links to the parent tasks, STEP.TASK"},
    {K_TASK, ".children", K_CHILDREN, "links to the child tasks, STEP.TASK"},
    {K_TASK, ".pickle", K_PICKLES, "the stored bytes of every artifact, as Metaflow wrote them"},
    {K_TASK, ".json", K_JSONS, "every artifact as JSON: .json/NAME.json"},
    {K_TASK, ".csv", K_CSVS, "tables and arrays as CSV: .csv/NAME.csv"},
    {K_TASK, ".npy", K_NPYS, "tables, arrays and numpy's scalars for numpy.load: .npy/NAME.npy"},
    {K_TASK, ".report.html", K_REPORT, "a page to look at: artifacts with previews, the log, cards"},
    {K_TASK, ".internal", K_INTERNALS, "Metaflow's own artifacts, which the client hides"},
    {K_TASK, ".cards", K_CARDS, "the task's cards, HTML"},
    {K_TASK, ".batch", K_TASK_BATCH, "link to the task's job below .batch, where it ran on AWS Batch"},

    {K_ATTEMPT, ".meta", K_META, "JSON of the task, seen from this attempt"},
    {K_ATTEMPT, ".stdout", K_STDOUT, "what this attempt printed"},
    {K_ATTEMPT, ".stderr", K_STDERR, "what it printed to standard error"},
    {K_ATTEMPT, ".log", K_LOG, "both, merged by time"},
    {K_ATTEMPT, ".logs", K_LOGS, "the raw log files"},
    {K_ATTEMPT, ".pickle", K_PICKLES, "the stored bytes of every artifact of this attempt"},
    {K_ATTEMPT, ".json", K_JSONS, "every artifact of this attempt as JSON: .json/NAME.json"},
    {K_ATTEMPT, ".csv", K_CSVS, "tables and arrays of this attempt as CSV: .csv/NAME.csv"},
    {K_ATTEMPT, ".npy", K_NPYS, "tables, arrays and numpy's scalars of this attempt: .npy/NAME.npy"},
    {K_ATTEMPT, ".report.html", K_REPORT, "a page to look at, of this attempt"},
    {K_ATTEMPT, ".internal", K_INTERNALS, "Metaflow's own artifacts, which the client hides"},
    {K_ATTEMPT, ".cards", K_CARDS, "the cards of this attempt"},

    {K_NONE, NULL, K_NONE, NULL},
};

const struct dot_name *kind_dot_names(void)
{
    return dots;
}

bool kind_is_batch(enum kind kind)
{
    return kind >= K_BATCH && kind <= K_JOB_ATTEMPT;
}

bool kind_is_code(enum kind kind)
{
    return kind >= K_CODE && kind <= K_CODE_FILE;
}

bool kind_is_page(enum kind kind)
{
    return kind == K_REPORT || kind == K_GRAPH || kind == K_TIMELINE;
}

const char *kind_suffix(enum kind kind)
{
    return kind == K_JSON ? ".json" : kind == K_CSV ? ".csv" : kind == K_NPY ? ".npy" : "";
}

enum kind kind_of_dot(enum kind parent, const char *name)
{
    // In every directory, and so not in the table.
    if (strcmp(name, ".help") == 0)
        return kind_info(parent)->type == KIND_DIR ? K_HELP : K_NONE;
    for (const struct dot_name *d = dots; d->name; d++)
        if (d->parent == parent && strcmp(d->name, name) == 0)
            return d->kind;
    // The other dot directories belong to an object, whose .meta they show.
    if (strcmp(name, ".meta") == 0 && parent != K_CTL && !kind_is_batch(parent))
        return kind_info(parent)->type == KIND_DIR ? K_META : K_NONE;
    return K_NONE;
}

static bool is_in(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

bool kind_is_probe(enum kind dir, const char *name)
{
    // Asked for by version control, file managers, indexers, editors and build tools in every
    // directory that they see. None can be a flow, step or parameter (they are no identifiers).
    static const char *const anywhere[] = {
        ".git", ".hg", ".svn", ".bzr", ".jj", ".gitignore", ".gitmodules", ".hidden", ".Trash", ".Trashes",
        ".DS_Store", ".localized", ".Spotlight-V100", ".fseventsd", ".hgignore", ".ignore", ".rgignore",
        ".fdignore", ".editorconfig", ".envrc", ".xdg-volume-info", ".directory", ".autorun.inf", ".nomedia",
        ".snapshot", ".zfs", ".venv", ".python-version", ".nvmrc", ".tool-versions", ".dockerignore",
        ".pytest_cache", ".projectile", ".dir-locals.el", ".vscode", ".idea", ".metaflow", "autorun.inf",
        "AUTORUN.INF", "Autorun.inf", "desktop.ini", "Desktop.ini", "Thumbs.db", "thumbs.db", "folder.jpg",
        "Folder.jpg", "lost+found", "System Volume Information", "$RECYCLE.BIN", NULL,
    };
    // These could be a class, a method or an artifact, and an id only in theory: schedulers give numbers,
    // UUIDs, and names that begin with their own (argo-, sfn-, airflow-, kfp-). "config", "objects" and
    // "refs" are not here: Git asks for them only where it has found a HEAD.
    static const char *const among_ids[] = {
        "CVS", "RCS", "SCCS", "_darcs", "HEAD", "BDMV", "VIDEO_TS", "DCIM", "RECYCLER", "node_modules",
        "__pycache__", "package.json", "Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "Cargo.toml",
        "go.mod", "pyproject.toml", "setup.py", "setup.cfg", "tox.ini", NULL,
    };
    if (name[0] >= '0' && name[0] <= '9')
        return false;
    if (is_in(anywhere, name) || ((dir == K_FLOW || dir == K_STEP) && is_in(among_ids, name)))
        return true;
    return strncmp(name, ".Trash-", 7) == 0 || strncmp(name, "._", 2) == 0;
}

static bool is_letter(unsigned char c)
{
    // Python's identifiers have letters of every script: bytes of those are taken as they are.
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

bool kind_can_be_called(enum kind dir, const char *name)
{
    if (dir != K_ROOT && dir != K_RUN)
        return true;
    for (const char *p = name; *p; p++)
        if (!is_letter((unsigned char)*p) && (p == name || *p < '0' || *p > '9'))
            return false;
    return name[0] != '\0';
}
