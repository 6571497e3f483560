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

static bool is_one_of(const char *s, size_t len, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (len == strlen(names[i]) && memcmp(s, names[i], len) == 0)
            return true;
    return false;
}

static bool ends(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(s + len - n, end, n) == 0;
}

// pandas' tables and its own arrays: pandas.core.frame.DataFrame up to version 2, pandas.DataFrame from 3 on; geopandas
// keeps its tables so.
static bool is_table_of_pandas(const char *class, size_t len)
{
    static const char *const names[] = {"DataFrame", "Series", "GeoDataFrame", "GeoSeries", "Categorical"};
    if (len < 10 || (strncmp(class, "pandas.", 7) != 0 && strncmp(class, "geopandas.", 10) != 0))
        return false;
    const char *name = class + len;
    while (name > class && name[-1] != '.')
        name--;
    size_t n = (size_t)(class + len - name);
    return is_one_of(name, n, names, sizeof names / sizeof *names) || ends(name, n, "Index") ||
           ends(name, n, "Array");
}

// numpy's arrays and their subclasses, where numpy 1 and 2 have them.
static bool is_array_of_numpy(const char *class, size_t len)
{
    static const char *const names[] = {
        "numpy.ndarray", "numpy.memmap", "numpy.matrix", "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray",
        "numpy.rec.recarray", "numpy.recarray", "numpy.char.chararray", "numpy.chararray",
    };
    return is_one_of(class, len, names, sizeof names / sizeof *names);
}

bool artifact_has_csv(const struct artifact *a)
{
    size_t len;
    const char *class = class_of(a, &len);
    return class && (is_array_of_numpy(class, len) || is_table_of_pandas(class, len));
}

bool artifact_has_npy(const struct artifact *a)
{
    size_t len;
    const char *class = class_of(a, &len);
    return class && (artifact_has_csv(a) ||
                     (strncmp(class, "numpy.", 6) == 0 && natural_form_of(a->type) == NATURAL_LINE));
}
