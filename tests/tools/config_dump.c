// config_dump NAME...: the configuration of this process as one JSON object: the values of the names,
// "user" and "root" (null where there is none), or "error". For the comparison with Metaflow's own.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "client/config.h"

static void dump(struct json_out *out, const struct config *config, char **names)
{
    for (; *names; names++) {
        json_out_key(out, *names);
        json_out_str(out, config_get(config, *names));
    }
    struct err err = ERR_INIT;
    auto_free char *root = NULL;
    if (config_local_root(config, NULL, &root, &err) != ERR_OK)
        fprintf(stderr, "%s\n", err.cause);
    json_out_key(out, "root");
    json_out_str(out, root);
    json_out_key(out, "user");
    json_out_str(out, config_user(config));
}

int main(int argc, char **argv)
{
    (void)argc;
    auto_free char *cwd = getcwd(NULL, 0);
    struct config *config = NULL;
    struct err err = ERR_INIT;
    auto_cleanup(buf_free) struct buf text = {0};
    struct json_out out = {.buf = &text};
    json_out_begin(&out, '{');
    if (config_load(cwd ? cwd : "/", &config, &err) == ERR_OK) {
        dump(&out, config, argv + 1);
    } else {
        json_out_key(&out, "error");
        json_out_str(&out, err.cause);
    }
    json_out_end(&out, '}');
    puts(text.data);
    config_free(config);
    return 0;
}
