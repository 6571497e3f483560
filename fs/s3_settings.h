// How S3, and AWS Batch with its logs, are reached: from the command line, Metaflow's configuration (fs/s3_params.h for
// the parameters of its client), the environment and AWS's shared files, in the order in which Metaflow and botocore
// look (botocore/configprovider.py: endpoint URLs; botocore/utils.py: addressing style). Finds out; asks nobody. The
// environment is read through `env` (NULL: getenv).
#ifndef FS_S3_SETTINGS_H
#define FS_S3_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/aws_profile.h"
#include "base/creds.h"
#include "base/strv.h"
#include "client/config.h"
#include "fs/options.h"
#include "s3/s3.h"

struct s3_settings {
    char *profile;      // as given by an option, or NULL
    char *region;       // or NULL
    char *s3_region;    // of S3 alone; NULL: what buckets tell
    struct creds_value keys; // of S3 alone, which go before every source; without an access key: none
    struct strv unused; // parameters of Metaflow's client that nothing here depends on ("config.retries")
    char *endpoint;     // or NULL: AWS
    char *endpoint_from; // where the endpoint was found, for people
    struct aws_variant variant, s3_variant; // of AWS's endpoints, and of those of S3
    char *batch_endpoint, *logs_endpoint; // of AWS Batch and CloudWatch Logs; NULL: AWS's
    char *ca_file;      // or NULL: the system's
    enum s3_style style;
    bool anonymous;
    unsigned tries;
    unsigned max_connections; // 0: the default
    size_t fetch_bytes;       // 0: the default
};
// ERR_INVALID for settings that cannot be: a profile that nobody wrote down, certificates that are not to be checked,
// a region that is none, parameters of the client that cannot be obeyed.
errc s3_settings_find(const struct config *c, const struct options *o, aws_env_fn env, struct s3_settings *ret,
                      struct err *err) ERR_MUST_CHECK;
void s3_settings_free(struct s3_settings *s); // empties it

#endif
