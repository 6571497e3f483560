// creds_dump [PROFILE]: finds credentials by this process's environment and prints the access key, or "none" and on
// standard error why. For the comparison with botocore's own chain.
#include <stdio.h>

#include "base/creds.h"

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct http *http = NULL;
    struct creds_value v = {0};
    if (http_new(&(struct http_conf){0}, &http, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.cause);
        return 1;
    }
    struct creds *c = creds_new(&(struct creds_conf){.http = http, .profile = argc > 1 ? argv[1] : NULL});
    if (creds_get(c, NULL, &v, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.cause);
        printf("none\n");
    } else {
        printf("%s %s\n", v.access_key, v.token ? v.token : "-");
    }
    creds_value_free(&v);
    creds_free(c);
    http_free(http);
    return 0;
}
