#include "fs/cli_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

// An option's value may be the next argument; it is then no path.
static bool takes_next(const char *text)
{
    if (strncmp(text, "--", 2) != 0) {
        const char *o = strchr(text, 'o'); // of letters in one word
        return text[0] == '-' && o != NULL && o[1] == '\0';
    }
    if (strchr(text, '=') != NULL) {
        return false;
    }
    const struct option_row *row = option_find(text + 2, strlen(text + 2));
    return row != NULL && row->type != OPTION_FLAG;
}

static const struct cli_own *find_own(const struct cli_own *own, const char *text)
{
    size_t len = strncmp(text, "--", 2) == 0 ? strcspn(text, "=") : strlen(text);
    for (; own->name != NULL; own++) {
        if (strlen(own->name) == len && strncmp(own->name, text, len) == 0) {
            return own;
        }
    }
    return NULL;
}

struct sorting {
    int argc, next;
    char *const *argv;
};

// Letters in one word, such as -la: takes those that are our own. What is left, "-" and the other letters, is owned by
// the caller; NULL: nothing. Behind an o stands its value.
static char *take_letters(const struct cli_own *own, const char *text)
{
    char *rest = mem_strdup(text), *to = rest + 1;
    for (const char *from = text + 1; *from != '\0'; from++) {
        const char letter[] = {'-', *from, '\0'};
        const struct cli_own *mine = find_own(own, letter);
        if (*from == 'o') {
            to = stpcpy(to, from);
            break;
        }
        if (mine != NULL && mine->flag != NULL) {
            *mine->flag = true;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    if (rest[1] == '\0') {
        free(steal_ptr(&rest));
    }
    return rest;
}

static errc take_own(const struct cli_own *own, const char *text, struct sorting *s, struct err *err)
{
    const char *given = strncmp(text, "--", 2) == 0 ? strchr(text, '=') : NULL;
    if (own->flag != NULL) {
        *own->flag = true;
        return given != NULL ? err_set(err, ERR_INVALID, "option %s takes no value", own->name) : ERR_OK;
    }
    if (given == NULL && s->next == s->argc) {
        return err_set(err, ERR_INVALID, "option %s needs a value", own->name);
    }
    *own->value = given != NULL ? given + 1 : s->argv[s->next++];
    return ERR_OK;
}

errc cli_args_sort(int argc, char *const *argv, const struct cli_own *own, struct cli_args *ret, struct err *err)
{
    struct sorting s = {argc, 2, argv};
    *ret = (struct cli_args){0};
    strv_add(&ret->options, argv[0]);
    strv_add(&ret->options, "--check"); // no mountpoint is wanted
    while (s.next < argc) {
        const char *text = argv[s.next++];
        const struct cli_own *mine = find_own(own, text);
        if (strcmp(text, "--") == 0) {
            while (s.next < argc) {
                strv_add(&ret->paths, argv[s.next++]);
            }
        } else if (mine != NULL) {
            errc e = take_own(mine, text, &s, err);
            if (e) {
                return e;
            }
        } else if (text[0] != '-' || text[1] == '\0') {
            strv_add(&ret->paths, text);
        } else {
            auto_free char *left = text[1] == '-' ? mem_strdup(text) : take_letters(own, text);
            if (left != NULL) {
                strv_add(&ret->options, left);
            }
            if (left != NULL && takes_next(left) && s.next < argc) {
                strv_add(&ret->options, argv[s.next++]);
            }
        }
    }
    return ERR_OK;
}

void cli_args_free(struct cli_args *args)
{
    strv_free(&args->paths);
    strv_free(&args->options);
}

int cli_stack(struct stack *s, const struct options *o)
{
    struct err err = ERR_INIT;
    enum exit_code code = EXIT_OTHER;
    auto_free char *cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        fprintf(stderr, "metaflowfs: the working directory is gone\n");
        return EXIT_OTHER;
    }
    if (stack_find(s, o, cwd, &code, &err) || stack_build(s, o, NULL, &code, &err)) {
        fprintf(stderr, "metaflowfs: %s\n", err.cause);
        return code;
    }
    return EXIT_OK;
}
