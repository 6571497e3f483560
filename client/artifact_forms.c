// Which forms the recorded type of an artifact promises.
#include <string.h>

#include "client/artifact_i.h"

// The class of "<class 'X'>", not terminated.
static const char *class_of(const struct artifact *a, size_t *ret_len)
{
    static const char begin[] = "<class '";
    const char *type = a->type ? a->type : "";
    size_t len = strlen(type);
    if (len < sizeof begin + 1 || strncmp(type, begin, sizeof begin - 1) != 0 || strcmp(type + len - 2, "'>") != 0)
        return NULL;
    *ret_len = len - (sizeof begin - 1) - 2;
    return type + sizeof begin - 1;
}

// pandas' tables: pandas.core.frame.DataFrame up to version 2, pandas.DataFrame from 3 on.
static bool is_table_of_pandas(const char *class, size_t len)
{
    static const char *const names[] = {"DataFrame", "Series"};
    if (len < 8 || strncmp(class, "pandas.", 7) != 0)
        return false;
    const char *name = class + len;
    while (name > class && name[-1] != '.')
        name--;
    size_t n = (size_t)(class + len - name);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (n == strlen(names[i]) && strncmp(name, names[i], n) == 0)
            return true;
    return n >= 5 && strncmp(class + len - 5, "Index", 5) == 0;
}

bool artifact_has_csv(const struct artifact *a)
{
    static const char array[] = "numpy.ndarray";
    size_t len;
    const char *class = class_of(a, &len);
    return class && ((len == strlen(array) && strncmp(class, array, len) == 0) || is_table_of_pandas(class, len));
}

bool artifact_has_npy(const struct artifact *a)
{
    size_t len;
    const char *class = class_of(a, &len);
    return class && (artifact_has_csv(a) ||
                     (strncmp(class, "numpy.", 6) == 0 && natural_form_of(a->type) == NATURAL_LINE));
}
