// From a checked job to what is sent: the job definition as Metaflow registers it (plugins/aws/batch/batch_client.py,
// _register_job_definition), its name by Metaflow's hash, and the submission. Pure: what AWS has to be asked for comes
// in. BATCH.md's facts are those of Metaflow 2.19.39.
#ifndef BATCH_JOB_REQUEST_H
#define BATCH_JOB_REQUEST_H

#include "batch/job_spec.h"
#include "batch/settings.h"

struct job_definition {
    char *name;     // "metaflow_" and the SHA-224 of `preimage`
    char *preimage; // Python's str() of the definition without its name
    char *json;     // the whole body of RegisterJobDefinition, compact
};
void job_definition_free(struct job_definition *d); // empties it

// What only the configuration and the platform tell is checked here, all of it, into *problems as job_spec_read does:
// no image, no role, tmpfs on Fargate, no execution role on Fargate, pairs of cpu and memory that Fargate does not
// have, devices on Fargate; ephemeral_storage and fractions of a vCPU elsewhere; too little memory; tags of the
// configuration that AWS does not take. `platform` is computeResources.type: "EC2", "SPOT", "FARGATE",
// "FARGATE_SPOT". `code` may be NULL.
errc job_definition_make(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code,
                         const char *platform, struct job_definition *ret, struct buf *problems, struct err *err)
    ERR_MUST_CHECK;

// Whether a job can only run on Fargate: for who does not know the platform.
bool job_needs_fargate(const struct job_spec *j);

// "USER-NAME-HASH", in [A-Za-z0-9][A-Za-z0-9_-]{0,127}: the hash covers the file's text, its name and the generation,
// so that a sent job can be found by its name, and another save is another job. Owned by the caller.
char *job_name_make(const char *user, const char *name, const char *text, size_t len, unsigned generation);

struct job_submission {
    const struct job_spec *spec;
    const struct batch_settings *settings;
    const struct job_code *code;       // or NULL
    const char *job_name, *queue;
    const char *definition;            // ARN, or "NAME" in a dry run
    const struct strv *depends_on;     // job ids; may be NULL
};
// The body of SubmitJob, compact. Owned by the caller.
char *job_submission_json(const struct job_submission *s);

// What `request` shows: {"definition": ..., "submission": ...} indented, with the values of variables and members of
// secret names, and the user parts of URLs, as "***" (base/secret.h). The first two arguments are the bodies; `note` is
// a further member, or NULL. ERR_CORRUPT when a body is no JSON.
errc job_request_show(const char *definition, const char *submission, const char *note, struct buf *out,
                      struct err *err) ERR_MUST_CHECK;

#endif
