// METAFLOW_DATATOOLS_CLIENT_PARAMS: what Metaflow hands to boto3.client("s3", ...) (its plugins/aws/aws_client.py),
// merged with METAFLOW_S3_ENDPOINT_URL and METAFLOW_S3_VERIFY_CERTIFICATE as in its metaflow_config.py. Each parameter
// is obeyed, refused with ERR_INVALID (what cannot be obeyed, and what boto3 itself would not take), or, where nothing
// that is read depends on it, kept by name so that people can be told. METAFLOW_DATATOOLS_SESSION_VARS is not read:
// Metaflow looks at it where a role is given to its S3 client, which its datastore never does.
#ifndef FS_S3_PARAMS_H
#define FS_S3_PARAMS_H

#include <stdbool.h>

#include "base/creds.h"
#include "base/err.h"
#include "base/strv.h"

#define S3_PARAMS_NAME "METAFLOW_DATATOOLS_CLIENT_PARAMS"

enum s3_param_flag { S3_PARAM_UNSET, S3_PARAM_FALSE, S3_PARAM_TRUE };

struct s3_params {
    char *endpoint_url, *region;           // or NULL
    char *verify;                          // the path of a bundle, or NULL
    char *addressing_style;                // "path", "virtual", "auto" or NULL
    char *access_key, *secret_key, *token; // both keys or none
    enum s3_param_flag checks;             // verify as a truth value
    enum s3_param_flag use_ssl, ignore_endpoints, fips, dualstack;
    struct strv unused;                    // "config.retries"
};
// `text` is the merged object, or NULL. Causes hold no value of a key.
errc s3_params_read(const char *text, struct s3_params *ret, struct err *err) ERR_MUST_CHECK;
void s3_params_free(struct s3_params *p); // empties it, and wipes the keys

#endif
