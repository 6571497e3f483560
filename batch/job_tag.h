// What AWS takes as a tag of a job (AWS Batch User Guide, "Tag restrictions").
#ifndef BATCH_JOB_TAG_H
#define BATCH_JOB_TAG_H

// What is wrong with a tag, as a sentence that says what is accepted; NULL when nothing is. A constant text.
const char *job_tag_problem(const char *name, const char *value);

#endif
