// Any bytes as the pickle of a table: read it, and ask each column for its cells in both styles.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 48 }; // rows and columns that are looked at, from each end

static volatile uint8_t seen;

static void look(const struct cell *cell, struct buf *text)
{
    const uint8_t *at = cell->kind == CELL_ELEMENT ? cell->at : (const uint8_t *)cell->text;
    size_t len = cell->kind == CELL_ELEMENT ? cell->type->itemsize : cell->len;
    switch (cell->kind) {
    case CELL_VALUE:
        seen ^= (uint8_t)cell->value->kind;
        return;
    case CELL_ELEMENT:
        (void)npy_text(text, cell->type, cell->at);
        break;
    case CELL_NA:
        return;
    default:
        break;
    }
    for (size_t i = 0; i < len; i++)
        seen ^= at[i];
    text->len = 0;
}

static void look_at_column(struct column *c, size_t rows, struct buf *text)
{
    struct cell cell;
    if (strlen(column_dtype(c)) > 300)
        abort();
    for (size_t i = 0; i < rows; i = i + 1 == MOST && rows > 2 * MOST ? rows - MOST : i + 1) {
        for (int style = STYLE_JSON; style <= STYLE_CSV; style++) {
            memset(&cell, 0xff, sizeof cell); // what a kind does not have is not to be used
            column_cell(c, i, (enum cell_style)style, &cell);
            look(&cell, text);
        }
    }
}

static void look_at_columns(struct column **columns, size_t n, size_t rows)
{
    struct buf text = {.max = 1 << 20};
    for (size_t i = 0; i < n && i < MOST; i++)
        look_at_column(columns[i], rows, &text);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pickle_limits limits = {.max_memory = 4 << 20, .max_ops = 100000};
    struct pickle *p = NULL;
    struct frame *f = NULL;
    struct err err = ERR_INIT;
    if (pickle_read(data, size, &limits, NULL, &p, &err))
        return 0;
    bool is = frame_is(pickle_root(p));
    if (frame_of(pickle_root(p), NULL, &f, &err) == ERR_OK) {
        if (!is || !f->n_index || !f->n_labels)
            abort();
        look_at_columns(f->columns, f->n_columns, f->rows);
        look_at_columns(f->index, f->n_index, f->rows);
        look_at_columns(f->labels, f->n_labels, f->n_columns);
    } else if (!is && err.code != ERR_NO_FORM) {
        abort();
    }
    frame_free(f);
    pickle_free(p);
    return 0;
}
