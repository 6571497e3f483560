#include "base/aws_profile.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/aws_ini.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/shell_words.h"
#include "base/strv.h"

#define MAX_FILE_BYTES (1024 * 1024)

// The config file's section kinds: what stands before the name. Sections of the credentials file are profiles.
enum kind { KIND_PROFILE, KIND_SERVICES, KIND_SSO_SESSION, KIND_OTHER };

struct named {
    enum kind kind;
    char *name; // owned
};
struct file {
    struct aws_ini *ini;  // owned; NULL when there is no such file
    struct named *names;  // of each section
    size_t len;
};
struct aws_files {
    struct file files[2]; // by enum aws_file
};

void aws_files_free(struct aws_files *f)
{
    for (size_t i = 0; f && i < 2; i++) {
        aws_ini_free(f->files[i].ini);
        for (size_t k = 0; k < f->files[i].len; k++) {
            free(f->files[i].names[k].name);
        }
        free(f->files[i].names);
    }
    free(f);
}

// "[profile x]", "[profile "my x"]", "[services x]", "[sso-session x]", "[default]".
static struct named name_of(const char *section)
{
    static const char *const words[] = {"profile", "services", "sso-session"};
    struct named n = {KIND_OTHER, NULL};
    struct strv parts = {0};
    if (strcmp(section, "default") == 0) {
        n = (struct named){KIND_PROFILE, mem_strdup(section)};
    } else if (shell_words(section, &parts) && parts.len == 2) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !n.name; i++) {
            if (strcmp(parts.items[0], words[i]) == 0) {
                n = (struct named){(enum kind)i, mem_strdup(parts.items[1])};
            }
        }
    }
    strv_free(&parts);
    return n;
}

static errc parse_file(struct file *f, bool is_config, const char *text, size_t len, const char *what,
                       struct err *err)
{
    errc e = aws_ini_parse(text, len, what, &f->ini, err);
    if (e) {
        return e;
    }
    while (aws_ini_section(f->ini, f->len)) {
        f->len++;
    }
    f->names = mem_zalloc(f->len * sizeof(*f->names));
    for (size_t i = 0; i < f->len; i++) {
        const char *section = aws_ini_section(f->ini, i);
        f->names[i] = is_config ? name_of(section) : (struct named){KIND_PROFILE, mem_strdup(section)};
    }
    return ERR_OK;
}

errc aws_files_parse(const char *config, size_t config_len, const char *credentials, size_t credentials_len,
                     struct aws_files **ret, struct err *err)
{
    struct aws_files *f = mem_zalloc(sizeof(*f));
    errc e = parse_file(&f->files[AWS_FILE_CONFIG], true, config ? config : "", config_len, "the config file", err);
    if (!e) {
        e = parse_file(&f->files[AWS_FILE_CREDENTIALS], false, credentials ? credentials : "", credentials_len,
                       "the credentials file", err);
    }
    if (e) {
        aws_files_free(f);
        return e;
    }
    *ret = f;
    return ERR_OK;
}

const char *aws_env_get(aws_env_fn env, const char *name)
{
    const char *value = env(name);
    return value && *value ? value : NULL;
}

char *aws_path_expand(aws_env_fn env, const char *path)
{
    if (path[0] != '~' || (path[1] != '/' && path[1] != '\0')) {
        return mem_strdup(path);
    }
    const char *home = aws_env_get(env, "HOME");
    char room[4096];
    struct passwd user, *found = NULL;
    if (!home && getpwuid_r(getuid(), &user, room, sizeof(room), &found) == 0 && found) {
        home = user.pw_dir;
    }
    return home ? mem_printf("%s%s", home, path + 1) : mem_strdup(path);
}

static errc load_file(struct file *f, bool is_config, aws_env_fn env, const char *variable, const char *fallback,
                      struct err *err)
{
    const char *given = aws_env_get(env, variable);
    auto_free char *path = aws_path_expand(env, given ? given : fallback);
    struct buf text = {.max = 2 * MAX_FILE_BYTES};
    errc e = file_read(path, MAX_FILE_BYTES, &text, err);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID) { // a folder or /dev/null is no file either
        e = ERR_OK;
    } else if (!e) {
        e = parse_file(f, is_config, text.data ? text.data : "", text.len, path, err);
    }
    buf_wipe(&text);
    return e;
}

errc aws_files_load(aws_env_fn env, struct aws_files **ret, struct err *err)
{
    struct aws_files *f = mem_zalloc(sizeof(*f));
    errc e = load_file(&f->files[AWS_FILE_CONFIG], true, env, "AWS_CONFIG_FILE", "~/.aws/config", err);
    if (!e) {
        e = load_file(&f->files[AWS_FILE_CREDENTIALS], false, env, "AWS_SHARED_CREDENTIALS_FILE",
                      "~/.aws/credentials", err);
    }
    if (e) {
        aws_files_free(f);
        return e;
    }
    *ret = f;
    return ERR_OK;
}

// --- looking up ---------------------------------------------------------------------------------------------------

const char *aws_profile_name(aws_env_fn env, const char *given)
{
    if (given) {
        return given;
    }
    const char *name = aws_env_get(env, "AWS_PROFILE");
    name = name ? name : aws_env_get(env, "AWS_DEFAULT_PROFILE");
    return name ? name : "default";
}

// "[default]" and "[profile default]" are one profile in two sections: the value of the last one that has it.
static const char *get_in(const struct file *f, enum kind kind, const char *name, const char *key, const char *nested,
                          bool *ret_has)
{
    const char *found = NULL;
    *ret_has = false;
    for (size_t i = 0; i < f->len; i++) {
        bool has = false;
        if (f->names[i].kind != kind || strcmp(f->names[i].name, name) != 0) {
            continue;
        }
        const char *value = aws_ini_get(f->ini, i, key, nested, &has);
        found = has ? value : found;
        *ret_has = *ret_has || has;
    }
    return found;
}

static bool exists_in(const struct file *f, enum kind kind, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (f->names[i].kind == kind && strcmp(f->names[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool aws_profile_exists(const struct aws_files *f, const char *profile)
{
    return exists_in(&f->files[AWS_FILE_CREDENTIALS], KIND_PROFILE, profile) ||
           exists_in(&f->files[AWS_FILE_CONFIG], KIND_PROFILE, profile);
}

const char *aws_profile_get(const struct aws_files *f, const char *profile, const char *section, const char *key)
{
    const char *outer = section ? section : key, *inner = section ? key : NULL;
    bool has = false;
    const char *value = get_in(&f->files[AWS_FILE_CREDENTIALS], KIND_PROFILE, profile, outer, inner, &has);
    return has ? value : get_in(&f->files[AWS_FILE_CONFIG], KIND_PROFILE, profile, outer, inner, &has);
}

const char *aws_file_get(const struct aws_files *f, enum aws_file file, const char *profile, const char *key)
{
    bool has;
    return get_in(&f->files[file], KIND_PROFILE, profile, key, NULL, &has);
}

const char *aws_service_get(const struct aws_files *f, const char *profile, const char *service, const char *key)
{
    bool has;
    const char *name = aws_profile_get(f, profile, NULL, "services");
    return name ? get_in(&f->files[AWS_FILE_CONFIG], KIND_SERVICES, name, service, key, &has) : NULL;
}

const char *aws_sso_session_get(const struct aws_files *f, const char *session, const char *key)
{
    bool has;
    return get_in(&f->files[AWS_FILE_CONFIG], KIND_SSO_SESSION, session, key, NULL, &has);
}

bool aws_sso_session_exists(const struct aws_files *f, const char *session)
{
    return exists_in(&f->files[AWS_FILE_CONFIG], KIND_SSO_SESSION, session);
}

bool aws_is_wanted(aws_env_fn env, const char *variable, const struct aws_files *f, const char *profile,
                   const char *key)
{
    const char *text = aws_env_get(env, variable);
    text = text ? text : aws_profile_get(f, profile, NULL, key);
    return text && strcasecmp(text, "true") == 0;
}

struct aws_variant aws_variant_get(aws_env_fn env, const struct aws_files *f, const char *profile)
{
    return (struct aws_variant){
        .fips = aws_is_wanted(env, "AWS_USE_FIPS_ENDPOINT", f, profile, "use_fips_endpoint"),
        .dualstack = aws_is_wanted(env, "AWS_USE_DUALSTACK_ENDPOINT", f, profile, "use_dualstack_endpoint"),
    };
}
