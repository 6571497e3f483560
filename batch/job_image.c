#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/job_request_i.h"

// ^(.+?(?:[:.].+?)\/)?...: something, a colon or dot, something, a slash. What follows always matches, and the earliest
// colon or dot leaves the most room for the rest.
bool job_image_has_registry(const char *image)
{
    if (image[0] == '\0') {
        return false;
    }
    const char *mark = strpbrk(image + 1, ":.");
    return mark != NULL && mark[1] != '\0' && strchr(mark + 2, '/') != NULL;
}

static bool given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

char *job_image(const struct job_spec *j, const struct batch_settings *s, const struct job_code *code)
{
    auto_free char *python = NULL;
    const char *image = given(j->image) ? j->image : given(s->image) ? s->image : NULL;
    if (image == NULL) {
        if (code == NULL || !given(code->python_version)) {
            return NULL;
        }
        python = mem_printf("python:%s", code->python_version);
        image = python;
    }
    if (!given(s->registry) || job_image_has_registry(image)) {
        return mem_strdup(image);
    }
    size_t len = strlen(s->registry);
    while (len > 0 && s->registry[len - 1] == '/') {
        len--;
    }
    return mem_printf("%.*s/%s", (int)len, s->registry, image);
}
