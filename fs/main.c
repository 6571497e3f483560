// metaflowfs: Metaflow as files.
#include <stdio.h>

#include "fs/cli.h"
#include "fs/cli_meant.h"
#include "fs/mount.h"
#include "fs/mount_helper.h"

static int run(const struct options *o)
{
    if (o->help) {
        options_help(stdout);
        return EXIT_OK;
    }
    if (o->version) {
        puts("metaflowfs " METAFLOWFS_VERSION);
        return EXIT_OK;
    }
    return o->check ? check_run(o) : mount_run(o);
}

int main(int argc, char **argv)
{
    if (mount_helper_is(argv[0])) {
        return mount_helper_run(argc, argv);
    }
    if (cli_is_subcommand(argc, argv)) {
        return cli_run(argc, argv);
    }
    if (cli_meant_other(argc, argv)) {
        return EXIT_USAGE;
    }
    struct options options;
    struct err err = ERR_INIT;
    int code = EXIT_USAGE;
    if (options_parse(argc, argv, &options, &err) != ERR_OK) {
        fprintf(stderr, "metaflowfs: %s\n", err.cause);
    } else {
        code = run(&options);
    }
    options_free(&options);
    return code;
}
