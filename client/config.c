#include "client/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "client/config_internal.h"

const struct config_value *config_find(const struct config_values *v, const char *name)
{
    for (size_t i = 0; i < v->len; i++) {
        if (strcmp(v->items[i].name, name) == 0)
            return &v->items[i];
    }
    return NULL;
}

void config_set(struct config_values *v, const char *name, enum json_kind kind, const char *text,
                enum config_source source)
{
    size_t i = 0;
    while (i < v->len && strcmp(v->items[i].name, name) != 0)
        i++;
    if (i == v->len) {
        v->items = mem_grow(v->items, &v->cap, v->len + 1, sizeof *v->items);
        v->items[v->len++] = (struct config_value){.name = mem_strdup(name)};
    }
    struct config_value *value = &v->items[i];
    char *copy = mem_strdup(text);
    free(value->text);
    value->text = copy;
    value->kind = kind;
    value->source = source;
}

void config_values_free(struct config_values *v)
{
    for (size_t i = 0; i < v->len; i++) {
        free(v->items[i].name);
        free(v->items[i].text);
    }
    free(v->items);
    *v = (struct config_values){0};
}

static void read_environment(struct config *c)
{
    for (char **p = environ; p && *p; p++) {
        const char *equals = strchr(*p, '=');
        if (!equals || strncmp(*p, CONFIG_PREFIX, sizeof CONFIG_PREFIX - 1) != 0)
            continue;
        const char *start = *p + sizeof CONFIG_PREFIX - 1;
        auto_free char *name = mem_strndup(start, (size_t)(equals - start));
        // Of a name that is there twice, the first counts, as for getenv.
        if (!config_find(&c->found, name))
            config_set(&c->found, name, JSON_STR, equals + 1, CONFIG_ENV);
    }
    static const char *const users[] = {"SUDO_USER", "USERNAME", "USER"};
    for (size_t i = 0; i < sizeof users / sizeof *users && !c->user_env; i++) {
        const char *user = config_env(users[i]);
        if (user && user[0] && strcmp(user, "root") != 0)
            c->user_env = mem_strdup(user);
    }
}

errc config_load(const char *cwd, struct config **ret, struct err *err)
{
    struct config *c = mem_zalloc(sizeof *c);
    c->cwd = mem_strdup(cwd);
    read_environment(c);
    errc e = config_read_files(c, err);
    if (!e)
        e = config_resolve(c, &c->values, err);
    if (e) {
        config_free(c);
        return e;
    }
    *ret = c;
    return ERR_OK;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    free(c->cwd);
    free(c->global_file);
    free(c->project_file);
    free(c->user_env);
    config_values_free(&c->found);
    config_values_free(&c->values);
    free(c);
}

const char *config_get(const struct config *c, const char *name)
{
    const struct config_value *value = config_find(&c->values, name);
    return value ? value->text : NULL;
}

enum config_source config_source(const struct config *c, const char *name)
{
    const struct config_value *value = config_find(&c->values, name);
    return value ? value->source : CONFIG_DEFAULT;
}

static void copy_values(struct config_values *to, const struct config_values *from)
{
    for (size_t i = 0; i < from->len; i++) {
        const struct config_value *v = &from->items[i];
        config_set(to, v->name, v->kind, v->text, v->source);
    }
}

void config_override(struct config *c, const char *name, const char *value)
{
    struct config trial = *c;
    trial.found = (struct config_values){0};
    copy_values(&trial.found, &c->found);
    config_set(&trial.found, name, JSON_STR, value, CONFIG_OPTION);
    struct config_values values = {0};
    struct err ignored = ERR_INIT;
    if (config_resolve(&trial, &values, &ignored) != ERR_OK) {
        config_values_free(&trial.found);
        return;
    }
    config_values_free(&c->found);
    config_values_free(&c->values);
    c->found = trial.found;
    c->values = values;
}

const char *config_user(const struct config *c)
{
    const char *user = config_get(c, "USER");
    return user && user[0] && strcmp(user, "root") != 0 ? user : c->user_env;
}
