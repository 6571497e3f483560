// Stands in for the cells of client/frame.h while nothing there makes a column.
#include "client/frame.h"

void column_cell(struct column *c, size_t row, enum cell_style style, struct cell *ret)
{
    (void)c;
    (void)row;
    (void)style;
    *ret = (struct cell){.kind = CELL_NA};
}

const char *column_dtype(const struct column *c)
{
    (void)c;
    return "";
}
