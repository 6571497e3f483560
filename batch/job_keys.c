#include "batch/job_keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/edits.h"

#define MIB_MAX INT32_MAX    // AWS keeps such numbers in 32 bits
#define DEVICES_MAX 256      // no instance has more
#define MOUNTS_MAX 1000      // and log options; so many that nobody meets it
#define VARS_MAX 1000        // more do not fit into what AWS Batch takes

static const struct job_key keys[K_COUNT] = {
    [K_COMMAND] = {"command", JOB_T_TEXTS, false, 0, 0, "required",
        "a list of words, or a text for sh -c",
        "What runs in the container. {tempdir} in it stands for the path of the tmpfs, or for . without one."},
    [K_NAME] = {"name", JOB_T_TEXT, true, 0, 0, "the name of the file without .json",
        "1 to 128 letters, digits, - and _, the first a letter or digit",
        "Goes into the name that AWS Batch shows, which is USER-NAME-HASH, with at most 40 characters of USER and "
        "60 of NAME."},
    [K_CODE] = {"code", JOB_T_TEXT, true, 0, 0, "none",
        "a run, FLOW/RUN",
        "The code package of that run is fetched and unpacked in the container before the command, and "
        "METAFLOW_CODE_SHA, METAFLOW_CODE_URL and the like are set, as for its steps."},
    [K_DEPENDS_ON] = {"depends_on", JOB_T_LIST, true, 0, 20, "none",
        "a list of at most 20 names in .batch or job ids",
        "The job starts when those have succeeded."},
    [K_DRY_RUN] = {"dry_run", JOB_T_BOOL, false, 0, 0, "false",
        "true or false",
        "Write the request and send nothing."},

    [K_RESOURCES] = {"resources", JOB_T_OBJECT, true, 0, 0, "none",
        "an object, such as {\"cpu\": 2, \"memory\": 8000}",
        "@resources. Where it is given, its own defaults count too, as with Metaflow: the job gets the larger value of "
        "resources and batch."},
    [K_RES_CPU] = {"resources.cpu", JOB_T_NUMBER, false, 0, 999999, "1",
        "a number above 0", "Virtual CPUs, as batch.cpu."},
    [K_RES_GPU] = {"resources.gpu", JOB_T_WHOLE, true, 0, INT32_MAX, "none",
        "a whole number of 0 or more", "GPUs."},
    [K_RES_DISK] = {"resources.disk", JOB_T_ANYTHING, true, 0, 0, "none",
        "anything", "Has no effect on AWS Batch, as with Metaflow."},
    [K_RES_MEMORY] = {"resources.memory", JOB_T_WHOLE, false, 1, MIB_MAX, "4096",
        "a whole number of MiB above 0", "Memory; AWS Batch has 4 MiB or more, and Fargate sizes of its own."},
    [K_RES_SHARED_MEMORY] = {"resources.shared_memory", JOB_T_WHOLE, true, 1, MIB_MAX, "none",
        "a whole number of MiB above 0", "The size of /dev/shm."},

    [K_BATCH] = {"batch", JOB_T_OBJECT, true, 0, 0, "none",
        "an object, such as {\"use_tmpfs\": true}", "@batch."},
    [K_CPU] = {"batch.cpu", JOB_T_NUMBER, true, 0, 999999, "1",
        "a number above 0", "Virtual CPUs: on EC2 and Spot whole ones, on Fargate one of the sizes that it has."},
    [K_GPU] = {"batch.gpu", JOB_T_WHOLE, true, 0, INT32_MAX, "0",
        "a whole number of 0 or more", "GPUs. Refused on Fargate."},
    [K_MEMORY] = {"batch.memory", JOB_T_WHOLE, true, 1, MIB_MAX, "4096",
        "a whole number of MiB above 0", "Memory; AWS Batch has 4 MiB or more, and Fargate sizes of its own."},
    [K_IMAGE] = {"batch.image", JOB_T_TEXT, true, 0, 255,
        "METAFLOW_BATCH_CONTAINER_IMAGE; else, with code, python: and the version of the run's Python",
        "an image's name of 1 to 255 letters, digits and - _ : . / @ #",
        "The container's image. METAFLOW_BATCH_CONTAINER_REGISTRY is put before one that names no registry."},
    [K_QUEUE] = {"batch.queue", JOB_T_TEXT, true, 0, 0,
        "METAFLOW_BATCH_JOB_QUEUE, else the first that is enabled and valid",
        "the name of a job queue, or its ARN", "The job queue."},
    [K_IAM_ROLE] = {"batch.iam_role", JOB_T_TEXT, true, 0, 0, "METAFLOW_ECS_S3_ACCESS_IAM_ROLE",
        "the ARN of a role", "The role that the container has."},
    [K_EXECUTION_ROLE] = {"batch.execution_role", JOB_T_TEXT, true, 0, 0, "METAFLOW_ECS_FARGATE_EXECUTION_ROLE",
        "the ARN of a role", "The role that starts the container on Fargate; without effect elsewhere."},
    [K_SHARED_MEMORY] = {"batch.shared_memory", JOB_T_WHOLE, true, 1, MIB_MAX, "none",
        "a whole number of MiB above 0", "The size of /dev/shm. Refused on Fargate."},
    [K_MAX_SWAP] = {"batch.max_swap", JOB_T_WHOLE, true, 0, MIB_MAX, "none",
        "a whole number of MiB of 0 or more", "Swap beside the memory. Refused on Fargate."},
    [K_SWAPPINESS] = {"batch.swappiness", JOB_T_WHOLE, true, 0, 100, "none",
        "a whole number from 0 to 100", "How readily memory is swapped, where max_swap is given. Refused on Fargate."},
    [K_TAGS] = {"batch.aws_batch_tags", JOB_T_PAIRS, true, 0, 50, "none",
        "an object of at most 50 tags: names of 1 to 128 and values of at most 256 letters, digits, spaces and "
        "+ - = . _ : / @, neither beginning with aws:",
        "Tags of the job in AWS. They are sent whatever METAFLOW_BATCH_EMIT_TAGS says; those of "
        "METAFLOW_BATCH_DEFAULT_TAGS only with it."},
    [K_USE_TMPFS] = {"batch.use_tmpfs", JOB_T_BOOL, false, 0, 0, "false",
        "true or false", "Mount a tmpfs in the container. Refused on Fargate."},
    [K_TMPFS_TEMPDIR] = {"batch.tmpfs_tempdir", JOB_T_BOOL, false, 0, 0, "true",
        "true or false", "Set METAFLOW_TEMPDIR to tmpfs_path in the container, where a tmpfs is mounted."},
    [K_TMPFS_SIZE] = {"batch.tmpfs_size", JOB_T_WHOLE, true, 1, MIB_MAX, "half of the memory",
        "a whole number of MiB above 0 and not above the job's memory",
        "The size of the tmpfs. Giving it mounts one, without use_tmpfs. Refused on Fargate."},
    [K_TMPFS_PATH] = {"batch.tmpfs_path", JOB_T_TEXT, true, 0, 0, "/metaflow_temp",
        "an absolute path other than /, with no part . or .. and without : and control characters",
        "Where the tmpfs is mounted."},
    [K_INFERENTIA] = {"batch.inferentia", JOB_T_WHOLE, true, 0, DEVICES_MAX, "none",
        "a whole number from 0 to 256", "Inferentia or Trainium chips. Refused on Fargate."},
    [K_TRAINIUM] = {"batch.trainium", JOB_T_WHOLE, true, 0, DEVICES_MAX, "none",
        "a whole number from 0 to 256", "Another name of inferentia; only one of the two may be given."},
    [K_EFA] = {"batch.efa", JOB_T_WHOLE, true, 0, DEVICES_MAX, "none",
        "a whole number from 0 to 256",
        "Elastic fabric adapters; as with Metaflow, a job gets one at most. Refused on Fargate."},
    [K_EPHEMERAL_STORAGE] = {"batch.ephemeral_storage", JOB_T_WHOLE, true, 21, 200, "none",
        "a whole number of GiB from 21 to 200", "Storage of the container on Fargate. Refused elsewhere."},
    [K_HOST_VOLUMES] = {"batch.host_volumes", JOB_T_TEXTS, true, 0, MOUNTS_MAX, "none",
        "HOST or HOST:CONTAINER, or a list of them: absolute paths, HOST of letters, digits and / . _ -, CONTAINER (or "
        "HOST without one) other than /, with no part . or .. and without : and control characters",
        "Directories of the host that the container sees. Refused on Fargate."},
    [K_EFS_VOLUMES] = {"batch.efs_volumes", JOB_T_TEXTS, true, 0, MOUNTS_MAX, "none",
        "ID or ID:CONTAINER, or a list of them: ID of letters, digits, _ and -, CONTAINER an absolute path other than "
        "/, with no part . or .. and without : and control characters",
        "EFS file systems that the container sees; without CONTAINER as /mnt/ID."},
    [K_LOG_DRIVER] = {"batch.log_driver", JOB_T_TEXT, true, 0, 0, "AWS Batch's",
        "json-file, syslog, journald, gelf, fluentd, awslogs, splunk or awsfirelens",
        "The container's log driver. Only awslogs can be read as log."},
    [K_LOG_OPTIONS] = {"batch.log_options", JOB_T_TEXTS, true, 0, MOUNTS_MAX, "none",
        "NAME:VALUE, or a list of them", "Options of log_driver, which has to be given too."},
    [K_PRIVILEGED] = {"batch.privileged", JOB_T_BOOL, false, 0, 0, "false",
        "true or false", "Give the container the rights of the host's root. Refused on Fargate."},
    [K_EXECUTABLE] = {"batch.executable", JOB_T_REFUSED, true, 0, 0, "none", NULL,
        "it names the Python of a step, and here the command says what runs"},
    [K_NUM_PARALLEL] = {"batch.num_parallel", JOB_T_REFUSED, true, 0, 0, "none", NULL,
        "a job file is one container; jobs of several nodes are submitted with Metaflow's @parallel"},

    [K_ENVIRONMENT] = {"environment", JOB_T_OBJECT, true, 0, 0, "none",
        "an object, such as {\"vars\": {\"NAME\": \"value\"}}", "@environment."},
    [K_VARS] = {"environment.vars", JOB_T_PAIRS, false, 0, VARS_MAX, "none",
        "an object of texts, the names without = and white space and not beginning with AWS_BATCH",
        "Environment variables of the container. {tempdir} in a value stands for the same as in the command. A "
        "variable that is set anyway is replaced."},

    [K_TIMEOUT] = {"timeout", JOB_T_OBJECT, true, 0, 0, "5 days",
        "an object, such as {\"hours\": 2}",
        "@timeout. The sum of its keys is how long an attempt may run; at least 60 seconds."},
    [K_SECONDS] = {"timeout.seconds", JOB_T_WHOLE, false, 0, INT32_MAX, "0", "a whole number of 0 or more", "Seconds."},
    [K_MINUTES] = {"timeout.minutes", JOB_T_WHOLE, false, 0, INT32_MAX, "0", "a whole number of 0 or more", "Minutes."},
    [K_HOURS] = {"timeout.hours", JOB_T_WHOLE, false, 0, INT32_MAX, "0", "a whole number of 0 or more", "Hours."},

    [K_RETRY] = {"retry", JOB_T_OBJECT, true, 0, 0, "the job is tried once",
        "an object, such as {\"times\": 1}",
        "@retry. The job is tried times + 1 times, by AWS Batch itself."},
    [K_TIMES] = {"retry.times", JOB_T_WHOLE, false, 0, 4, "3", "a whole number from 0 to 4", "Retries."},
    [K_MINUTES_BETWEEN] = {"retry.minutes_between_retries", JOB_T_WHOLE, false, 0, 0, "0",
        "0, since AWS Batch retries at once", "The one default that differs from Metaflow's, which waits 2 minutes."},
};

const struct job_key *job_key(enum job_key_id id)
{
    return &keys[id];
}

const struct job_key *job_key_find(const char *name)
{
    for (size_t i = 0; i < K_COUNT; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

const char *job_key_near(const char *level, const char *key)
{
    const char *nearest = NULL;
    size_t prefix = strlen(level), best = SIZE_MAX;
    for (size_t i = 0; i < K_COUNT; i++) {
        const char *leaf = keys[i].name + prefix;
        if (strncmp(keys[i].name, level, prefix) != 0 || strchr(leaf, '.') != NULL || keys[i].type == JOB_T_REFUSED) {
            continue;
        }
        size_t d = edits_between(leaf, key, strlen(key));
        if (d < best && d <= (strlen(leaf) < 6 ? 1 : strlen(leaf) / 3)) {
            best = d;
            nearest = keys[i].name;
        }
    }
    return nearest;
}
