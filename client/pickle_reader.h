// The pickle reader's inside, shared by client/pickle_*.c only.
#ifndef CLIENT_PICKLE_READER_H
#define CLIENT_PICKLE_READER_H

#include "client/pickle.h"
#include "client/pickle_arena.h"
#include "client/pickle_share.h"

struct pickle {
    struct arena arena;
    struct pickle_share share;    // of the memory of all pickles
    struct value none, yes, no;   // shared by all places that hold them; never changed
    struct value *small[256];     // the integers 0 to 255, made when first met
    const struct value *root;
};

// What GET looks up: index -> value. Indices near the number of entries live in an array, others in
// a hash table, so that a huge index costs nothing.
struct memo {
    struct value **dense;
    size_t dense_cap;
    struct memo_slot { uint64_t index; struct value *value; } *sparse;
    size_t sparse_len, sparse_cap;
    size_t count;                 // entries in all
};

struct reader {
    struct pickle *p;
    const uint8_t *data;
    size_t len, at;               // at: the next byte to read
    size_t op_at;                 // where the current opcode stands
    int proto;                    // of PROTO, else 0
    struct value **stack;
    size_t stack_len, stack_cap;
    size_t *marks;                // stack_len when each MARK was pushed
    size_t marks_len, marks_cap;
    struct memo memo;
    bool stopped;
    size_t max_depth, max_ops;
    struct cancel *cancel;
    struct err *err;
};

// Every opcode: its byte, its name in pickletools, and what it does. Handlers find r->at behind the
// opcode and return ERR_OK or the failure that they put into r->err.
#define PICKLE_OPS(X) \
    X('(', MARK, op_mark) X('.', STOP, op_stop) X('0', POP, op_pop) X('1', POP_MARK, op_pop_mark) \
    X('2', DUP, op_dup) X('F', FLOAT, op_float) X('I', INT, op_int) X('J', BININT, op_binint) \
    X('K', BININT1, op_binint1) X('L', LONG, op_long) X('M', BININT2, op_binint2) \
    X('N', NONE, op_none) X('P', PERSID, op_persid) X('Q', BINPERSID, op_binpersid) \
    X('R', REDUCE, op_reduce) X('S', STRING, op_string) X('T', BINSTRING, op_binstring) \
    X('U', SHORT_BINSTRING, op_short_binstring) X('V', UNICODE, op_unicode) \
    X('X', BINUNICODE, op_binunicode) X('a', APPEND, op_append) X('b', BUILD, op_build) \
    X('c', GLOBAL, op_global) X('d', DICT, op_dict) X('}', EMPTY_DICT, op_empty_dict) \
    X('e', APPENDS, op_appends) X('g', GET, op_get) X('h', BINGET, op_binget) \
    X('i', INST, op_inst) X('j', LONG_BINGET, op_long_binget) X('l', LIST, op_list) \
    X(']', EMPTY_LIST, op_empty_list) X('o', OBJ, op_obj) X('p', PUT, op_put) \
    X('q', BINPUT, op_binput) X('r', LONG_BINPUT, op_long_binput) X('s', SETITEM, op_setitem) \
    X('t', TUPLE, op_tuple) X(')', EMPTY_TUPLE, op_empty_tuple) X('u', SETITEMS, op_setitems) \
    X('G', BINFLOAT, op_binfloat) X(0x80, PROTO, op_proto) X(0x81, NEWOBJ, op_newobj) \
    X(0x82, EXT1, op_ext1) X(0x83, EXT2, op_ext2) X(0x84, EXT4, op_ext4) \
    X(0x85, TUPLE1, op_tuple1) X(0x86, TUPLE2, op_tuple2) X(0x87, TUPLE3, op_tuple3) \
    X(0x88, NEWTRUE, op_newtrue) X(0x89, NEWFALSE, op_newfalse) X(0x8a, LONG1, op_long1) \
    X(0x8b, LONG4, op_long4) X('B', BINBYTES, op_binbytes) \
    X('C', SHORT_BINBYTES, op_short_binbytes) X(0x8c, SHORT_BINUNICODE, op_short_binunicode) \
    X(0x8d, BINUNICODE8, op_binunicode8) X(0x8e, BINBYTES8, op_binbytes8) \
    X(0x8f, EMPTY_SET, op_empty_set) X(0x90, ADDITEMS, op_additems) \
    X(0x91, FROZENSET, op_frozenset) X(0x92, NEWOBJ_EX, op_newobj_ex) \
    X(0x93, STACK_GLOBAL, op_stack_global) X(0x94, MEMOIZE, op_memoize) X(0x95, FRAME, op_frame) \
    X(0x96, BYTEARRAY8, op_bytearray8) X(0x97, NEXT_BUFFER, op_next_buffer) \
    X(0x98, READONLY_BUFFER, op_readonly_buffer)

#define PICKLE_DECLARE_OP(byte, name, fn) errc fn(struct reader *r) ERR_MUST_CHECK;
PICKLE_OPS(PICKLE_DECLARE_OP)
#undef PICKLE_DECLARE_OP

// Failures: a malformed stream (names opcode and offset), and no more room (limit or system).
errc reader_corrupt(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
errc reader_no_room(struct reader *r);

// The next n bytes, which are then behind r->at; NULL (and a failure in r->err) when they are missing.
const uint8_t *reader_take(struct reader *r, uint64_t n);
// The next line without its '\n'.
errc reader_line(struct reader *r, const uint8_t **ret_line, size_t *ret_len) ERR_MUST_CHECK;
uint64_t reader_le(const uint8_t *p, unsigned bytes);

// The stack. Nothing below the last MARK can be popped; NULL means a failure in r->err.
errc reader_push(struct reader *r, struct value *v) ERR_MUST_CHECK; // v NULL: no room
struct value *reader_pop(struct reader *r);
struct value *reader_top(struct reader *r);
// Removes the last MARK; [*ret_from, r->stack_len) are the values above it, still on the stack.
errc reader_pop_mark(struct reader *r, size_t *ret_from) ERR_MUST_CHECK;

// New values; NULL when there is no room.
struct value *reader_new(struct reader *r, enum value_kind kind);
struct value *reader_new_int(struct reader *r, int64_t i);
struct value *reader_new_bytes(struct reader *r, enum value_kind kind, const uint8_t *data, size_t len);
// A TUPLE, LIST, SET or FROZENSET with a copy of items.
struct value *reader_new_seq(struct reader *r, enum value_kind kind, struct value *const *items, size_t len);
// A little-endian two's complement integer; data must stay valid (input or arena).
struct value *reader_new_long(struct reader *r, const uint8_t *data, size_t len);
// A GLOBAL under the name that Python 3 knows it by. NULL also for a name that is none (r->err set).
struct value *reader_new_global(struct reader *r, const uint8_t *module, size_t module_len,
                                const uint8_t *name, size_t name_len);
// Adds items to a LIST or SET, pairs to a DICT; false when there is no room.
bool reader_seq_add(struct reader *r, struct value *seq, struct value *const *items, size_t n);
bool reader_dict_add(struct reader *r, struct value *dict, struct value *const *keys_values, size_t n_pairs);

// A call as a value: what Python writes for its own plain types becomes that type, what copyreg
// writes becomes the class's own call, all else a VALUE_CALL. NULL when there is no room.
struct value *reader_call(struct reader *r, struct value *callee, struct value *args, bool is_new);

// The memo; put is false when there is no room.
bool memo_put(struct reader *r, uint64_t index, struct value *v);
struct value *memo_get(const struct reader *r, uint64_t index); // NULL when absent
void memo_release(struct reader *r);

// Whether these are UTF-8 bytes; surrogates may stand alone when `surrogates`.
bool pickle_utf8_valid(const uint8_t *s, size_t len, bool surrogates);
bool pickle_is_ascii(const uint8_t *s, size_t len);
// Appends a code point as UTF-8 (surrogates too) to at least 4 bytes of room; the number of bytes.
unsigned pickle_utf8_put(uint8_t *to, uint32_t c);

#endif
