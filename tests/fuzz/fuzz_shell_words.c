// fs/shell_words.h: any line gives at least one word, no more text than it had, and a break within the last word.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fs/shell_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *line = malloc(size + 1);
    if (!line) {
        return 0;
    }
    memcpy(line, data, size);
    line[size] = '\0';
    struct shell_words split;
    shell_words_split(line, " \t\n\"'@><=;|&(:", &split);
    size_t total = 0;
    for (size_t i = 0; i < split.words.len; i++) {
        total += strlen(split.words.items[i]);
    }
    if (split.words.len == 0 || total > strlen(line) ||
        split.broken > strlen(split.words.items[split.words.len - 1])) {
        abort();
    }
    shell_words_free(&split);
    return 0;
}
