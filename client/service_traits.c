// What a service can, as it showed: one of several implementations and versions of a decade.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "client/service_i.h"

static const char *const names[SERVICE_TRAITS] = {
    [SERVICE_PAGES] = "paging",
    [SERVICE_RUN_ARTIFACTS] = "run-artifacts",
    [SERVICE_STEP_ARTIFACTS] = "step-artifacts",
    [SERVICE_RUN_RECORDS] = "run-records",
    [SERVICE_LISTS_FLOWS] = "flows",
};

enum service_can service_can(struct service *s, enum service_trait t)
{
    return (enum service_can)atomic_load(&s->traits[t]);
}

void service_learn(struct service *s, enum service_trait t, bool can)
{
    atomic_store(&s->traits[t], can ? SERVICE_CAN : SERVICE_CANNOT);
}

void service_learn_version(struct service *s, const struct http_response *r)
{
    const char *version = http_header(r, "metadata_service_version");
    if (version && strspn(version, "0123456789abcdefghijklmnopqrstuvwxyz.+-") == strlen(version)) {
        pthread_mutex_lock(&s->lock);
        snprintf(s->version, sizeof(s->version), "%s", version);
        pthread_mutex_unlock(&s->lock);
    }
}

char *service_traits_text(struct service *s)
{
    struct buf text = {0};
    for (int t = 0; t < SERVICE_TRAITS; t++) {
        enum service_can can = service_can(s, (enum service_trait)t);
        if (can != SERVICE_UNKNOWN) {
            buf_printf(&text, "%s%s=%s", text.len ? " " : "", names[t], can == SERVICE_CAN ? "yes" : "no");
        }
    }
    pthread_mutex_lock(&s->lock);
    if (s->version[0]) {
        buf_printf(&text, "%sversion=%s", text.len ? " " : "", s->version);
    }
    pthread_mutex_unlock(&s->lock);
    return buf_steal(&text);
}

void service_traits_restore(struct service *s, const char *text)
{
    auto_free char *copy = mem_strdup(text);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, " "));) {
        char *value = strchr(word, '=');
        if (!value) {
            continue;
        }
        *value++ = '\0';
        for (int t = 0; t < SERVICE_TRAITS; t++) {
            if (strcmp(word, names[t]) == 0 && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)) {
                service_learn(s, (enum service_trait)t, value[0] == 'y');
            }
        }
    }
}
