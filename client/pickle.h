// Reads Python pickles, protocols 0 to 5, into plain values. Nothing in the stream is ever imported,
// called or constructed: a global, a call and an object's state become inert nodes that renderers may
// recognise by name. Format: CPython's Lib/pickletools.py and Lib/pickle.py.
//
// Values form a graph that belongs to one struct pickle and is freed with it. Strings and byte
// strings point into the input wherever they stand there as they are; the input must stay valid and
// unchanged for as long as the pickle. Reading is iterative (no recursion on the input's depth).
//
// What Python writes as calls for its own plain types is read as these: bytes at protocols 0 to 2
// (_codecs.encode), bytearray, set, frozenset. copyreg._reconstructor and __newobj__ become the class's
// own call, with a base's part as args, items or pairs. At protocols 0 to 2 names of Python 2 become those
// of Python 3 (__builtin__ -> builtins, copy_reg -> copyreg, UserDict -> collections, ...). A Python 2 str
// is STR while it is ASCII, else BYTES. Decimal numbers of protocol 0 have at most 262,144 digits (a tenth
// of a second); binary ones any size.
#ifndef CLIENT_PICKLE_H
#define CLIENT_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

enum value_kind {
    VALUE_NONE, VALUE_BOOL, VALUE_INT, VALUE_BIGINT, VALUE_FLOAT,
    VALUE_STR, VALUE_BYTES, VALUE_BYTEARRAY,
    VALUE_LIST, VALUE_TUPLE, VALUE_DICT, VALUE_SET, VALUE_FROZENSET,
    VALUE_GLOBAL,     // a class or function, by module and name
    VALUE_CALL,       // callee(args...) of REDUCE, NEWOBJ, NEWOBJ_EX, INST, OBJ; with state and items if any
    VALUE_EXT,        // EXT1..4 code, PERSID or out-of-band buffer: shown as unsupported
};

// What u.ext holds where it is no extension code (those are positive).
enum { VALUE_EXT_PERSISTENT = -1, VALUE_EXT_BUFFER = -2 };

struct value;
struct value_pair { struct value *key, *value; };

// Allocated only as far as its kind needs: never copy a struct value.
struct value {
    enum value_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        // STR (UTF-8, surrogates passed), BYTES, BYTEARRAY; BIGINT: little-endian two's complement
        struct { const uint8_t *data; size_t len; } bytes;
        struct { struct value **items; size_t len, cap; } seq; // LIST, TUPLE, SET, FROZENSET
        struct { struct value_pair *pairs; size_t len, cap; } dict;
        struct { const char *module, *name; } global;      // NUL-terminated; name may have dots
        struct {
            struct value *callee;     // usually a GLOBAL
            struct value *args;       // a TUPLE
            struct value *kwargs;     // a DICT, or NULL
            struct value *state;      // of BUILD, or NULL
            struct value *items;      // a LIST of what was appended (list subclasses), or NULL
            struct value *pairs;      // a DICT of what was set (dict subclasses), or NULL
            bool is_new;              // NEWOBJ / NEWOBJ_EX: callee is the class itself
        } call;
        int64_t ext;
    } u;
};

struct pickle_limits {
    size_t max_memory;   // of all values and tables; 0 means what client/pickle_share.h allows for its length
    size_t max_depth;    // of MARKs; 0 means 10,000 (values may nest deeper: renderers have their own limit)
    size_t max_ops;      // opcodes; 0 means no limit but the input's length
};

struct pickle;

// Reads one pickle from data. Trailing bytes after STOP are ignored, as pickle.loads does.
// ERR_CORRUPT names the opcode and offset; ERR_LIMIT names the limit. Waits, until the token says otherwise, where
// other pickles take much memory already (client/pickle_share.h): so a thread that keeps a large one reads no other.
errc pickle_read(const uint8_t *data, size_t len, const struct pickle_limits *limits,
                 struct cancel *cancel, struct pickle **ret, struct err *err) ERR_MUST_CHECK;
const struct value *pickle_root(const struct pickle *p);
size_t pickle_memory(const struct pickle *p); // bytes that it occupies
void pickle_free(struct pickle *p);
void pickle_freep(struct pickle **p);

// Helpers for renderers. A global's module and name; value_is_global(v, "datetime", "date").
bool value_is_global(const struct value *v, const char *module, const char *name);
// True for a call (any kind) whose callee is that global.
bool value_is_call(const struct value *v, const char *module, const char *name);
// "module.Class" of a call or global, Python's name of a plain kind ("list"): appended to out (size bytes).
void value_type_name(const struct value *v, char *out, size_t size);
// The same with the module of a plain kind, as "UnsupportedType : " is followed by: "builtins.list".
void value_class_name(const struct value *v, char *out, size_t size);
// The value of a str key in a DICT, or NULL.
const struct value *value_dict_get(const struct value *dict, const char *key);
// Argument i of a CALL, or NULL where it has fewer.
const struct value *value_arg(const struct value *call, size_t i);
// Whether v is an INT, which *ret then is; v may be NULL.
bool value_int(const struct value *v, int64_t *ret);

#endif
