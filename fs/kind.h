// The grammar of the tree: which kinds of node there are and which names they have in their parents.
// One table each, kind.c, read by look-up, listings, `.help` and `.metaflowfs/README` alike. Pure.
#ifndef FS_KIND_H
#define FS_KIND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum kind {
    K_NONE,
    K_ROOT, K_FLOW, K_RUN, K_STEP, K_TASK, K_ARTIFACT,
    K_META, K_HELP,
    // root
    K_CTL, K_CTL_FILE, K_CTL_TEMPDIR, K_CTL_REFRESH,
    K_BATCH, K_BATCH_FILE, K_JOB, K_JOB_PART, K_JOB_LOG, K_JOB_CTL, K_JOB_TASK, K_JOB_ATTEMPTS, K_JOB_ATTEMPT,
    // flow
    K_LATEST, K_LATEST_SUCCESSFUL, K_FLOW_TAGS, K_FLOW_TAG, K_FLOW_FAILED, K_FLOW_RUNNING,
    K_BY_DATE, K_DAY, K_RUN_LINK,
    // run
    K_PARAMETERS, K_PARAMETER, K_END, K_RUN_TAGS, K_RUN_TAG, K_RUN_FAILED,
    K_CODE, K_CODE_DIR, K_CODE_FILE, K_CODE_TGZ, K_GRAPH, K_TIMELINE,
    // run and task
    K_REPORT,
    // step
    K_INDEX, K_INDEX_LINK,
    // task
    K_STDOUT, K_STDERR, K_LOG, K_LOGS, K_LOG_PART, K_ATTEMPTS, K_ATTEMPT,
    K_PARENTS, K_CHILDREN, K_TASK_LINK, K_PICKLES, K_PICKLE, K_JSONS, K_JSON, K_CSVS, K_CSV, K_NPYS, K_NPY,
    K_INTERNALS, K_CARDS, K_CARD, K_CARD_LINK, K_TASK_BATCH,
    K_COUNT
};

enum kind_type { KIND_DIR, KIND_FILE, KIND_LINK };

// What an open of a node counts as in the statistics.
enum kind_class { CLASS_NONE, CLASS_ARTIFACT, CLASS_COMPUTED };

struct kind_info {
    const char *label;      // for logs and statistics: "run", "artifact", "stdout"
    enum kind_type type;
    mode_t mode;            // permission bits before umask
    enum kind_class class;
    bool growing;           // its content may still grow while its task runs (logs)
    bool snapshot;          // each open is a new snapshot of what may have changed (.meta, .metaflowfs/*)
};
const struct kind_info *kind_info(enum kind kind);

// One dot name: where it is found and what .help says of it.
struct dot_name {
    enum kind parent;
    const char *name;       // ".stdout"
    enum kind kind;
    const char *help;       // one line
};
// The table, ended by parent K_NONE. K_ATTEMPT has the task's names but three.
const struct dot_name *kind_dot_names(void);
// Whether a kind is part of .batch, which is the mounting user's alone.
bool kind_is_batch(enum kind kind);
// The kind of dot name `name` in a parent, or K_NONE.
enum kind kind_of_dot(enum kind parent, const char *name);

// Whether a kind is below RUN/.code.
bool kind_is_code(enum kind kind);
// Whether a kind is a page of report/.
bool kind_is_page(enum kind kind);
// What the file name of a form has behind the artifact's name: ".json", ".csv", ".npy"; "" for every other kind.
const char *kind_suffix(enum kind kind);

// Names that programs probe for in every directory that they see (.git, .Trash, .DS_Store, autorun.inf, ...)
// and that nothing in a directory of this kind is called: answered as missing from memory. A run or task id
// can be any text, but no scheduler gives one of those.
bool kind_is_probe(enum kind dir, const char *name);
// Whether Metaflow could call an entry of `dir` so: a flow is a Python class and a step a method, so both are
// identifiers. True for every other kind of directory.
bool kind_can_be_called(enum kind dir, const char *name);

#endif
