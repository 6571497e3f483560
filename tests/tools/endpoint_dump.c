// endpoint_dump PROFILE: for each line "SERVICE REGION" of standard input the host that is asked, by this process's
// environment and AWS's files. For the comparison with botocore.
#include <stdio.h>
#include <stdlib.h>

#include "base/aws_profile.h"
#include "base/mem.h"

static const char *real_env(const char *name)
{
    return getenv(name);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct aws_files *files = NULL;
    char service[64], region[64];
    if (argc != 2 || aws_files_load(real_env, &files, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.cause);
        return 1;
    }
    struct aws_variant variant = aws_variant_get(real_env, files, argv[1]);
    while (scanf("%63s %63s", service, region) == 2) {
        auto_free char *host = aws_host(service, region, variant);
        puts(host);
    }
    aws_files_free(files);
    return 0;
}
