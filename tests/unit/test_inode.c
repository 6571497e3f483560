// The node table: counting, collisions, memory, and a random walk against a simple model.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fs/inode.h"

static const struct tattr dir_attr = {.mode = S_IFDIR | 0555, .size_exact = true, .mtime_ms = 5, .ttl_ms = 2000};
static const struct tattr file_attr = {.mode = S_IFREG | 0444, .size = 4096, .mtime_ms = 7, .ttl_ms = 2000};

static uint64_t same_hash(uint64_t parent_ino, const char *name)
{
    (void)parent_ino;
    (void)name;
    return 0x1fe;
}

static struct inodes *table(uint64_t (*hash)(uint64_t, const char *))
{
    struct inodes_conf conf = {.root = &dir_attr, .hash = hash};
    return inodes_new(&conf);
}

static uint64_t enter(struct inodes *t, uint64_t parent, const char *name)
{
    struct inode_view v;
    assert_true(inodes_enter(t, parent, name, K_FLOW, &dir_attr, 0, &v));
    return v.nodeid;
}

static uint64_t live(struct inodes *t)
{
    struct inodes_stats st;
    inodes_stats(t, &st);
    return st.nodes;
}

static void forget_counts_down_and_children_hold_parents(void **state)
{
    (void)state;
    struct inodes *t = table(NULL);
    uint64_t a = enter(t, INODE_ROOT, "a");
    assert_int_equal(enter(t, INODE_ROOT, "a"), a);
    uint64_t b = enter(t, a, "b");
    assert_int_equal(live(t), 3);
    inodes_forget(t, a, 2);
    assert_int_equal(live(t), 3);
    struct inode_view v;
    assert_true(inodes_get(t, a, 0, &v));
    assert_true(inodes_get(t, b, 0, &v));
    assert_int_equal(v.parent, a);
    inodes_forget(t, b, 1);
    assert_int_equal(live(t), 1);
    assert_false(inodes_get(t, a, 0, &v));
    assert_false(inodes_enter(t, a, "c", K_RUN, &dir_attr, 0, &v));
    uint64_t again = enter(t, INODE_ROOT, "a");
    assert_int_not_equal(again, a);
    inodes_forget(t, INODE_ROOT, 1000);
    assert_true(inodes_get(t, INODE_ROOT, 0, &v));
    inodes_free(t);
}

static void an_ino_is_stable_and_collisions_take_the_next(void **state)
{
    (void)state;
    struct inodes *t = table(same_hash);
    struct inode_view a, b, c, again;
    assert_true(inodes_enter(t, INODE_ROOT, "a", K_FLOW, &dir_attr, 0, &a));
    assert_true(inodes_enter(t, INODE_ROOT, "b", K_FLOW, &dir_attr, 0, &b));
    assert_true(inodes_enter(t, INODE_ROOT, "c", K_FLOW, &dir_attr, 0, &c));
    assert_int_equal(a.ino, 0x1fe);
    assert_int_equal(b.ino, 0x1ff);
    assert_int_equal(c.ino, 0x100);
    inodes_forget(t, a.nodeid, 1);
    assert_true(inodes_find(t, INODE_ROOT, "b", false, 0, &again));
    assert_int_equal(again.nodeid, b.nodeid);
    inodes_free(t);

    t = table(NULL);
    struct inodes *u = table(NULL);
    assert_true(inodes_enter(t, INODE_ROOT, "x", K_FLOW, &dir_attr, 0, &a));
    enter(u, INODE_ROOT, "y");
    assert_true(inodes_enter(u, INODE_ROOT, "x", K_FLOW, &dir_attr, 0, &b));
    assert_int_equal(a.ino, b.ino);
    assert_int_equal(a.ino, inodes_child_ino(u, 1, "x"));
    assert_true(a.ino > 1 && a.ino <= INT64_MAX);
    inodes_free(t);
    inodes_free(u);
}

static void doubted_bytes_are_not_the_same(void **state)
{
    (void)state;
    struct inodes *t = table(NULL);
    struct inode_view v;
    struct inode_size_change ch;
    assert_true(inodes_enter(t, INODE_ROOT, "f", K_ARTIFACT, &file_attr, 0, &v));
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch) && ch.same_bytes);
    inodes_doubt(t, v.nodeid);
    inodes_close(t, v.nodeid);
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch) && !ch.same_bytes); // these are new ones
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch) && ch.same_bytes);
    inodes_doubt(t, v.nodeid);
    inodes_trust(t, v.nodeid, 78); // said of another version
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch) && !ch.same_bytes);
    inodes_doubt(t, v.nodeid);
    inodes_trust(t, v.nodeid, 77);
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch) && ch.same_bytes);
    inodes_free(t);
}

static void an_exact_size_survives_a_recorded_one(void **state)
{
    (void)state;
    struct inodes *t = table(NULL);
    struct inode_view v;
    struct inode_size_change ch;
    assert_true(inodes_enter(t, INODE_ROOT, "f", K_ARTIFACT, &file_attr, 0, &v));
    assert_false(v.attr.size_exact);
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch));
    assert_true(ch.changed && ch.old_size == 4096);
    assert_true(inodes_set_attr(t, v.nodeid, &file_attr, 0, &v));
    assert_true(v.attr.size_exact && v.attr.size == 100);
    assert_true(inodes_open(t, v.nodeid, 100, 77, &ch));
    assert_true(!ch.changed && ch.same_bytes);
    inodes_close(t, v.nodeid);
    struct tattr later = file_attr;
    later.mtime_ms++;
    assert_true(inodes_set_attr(t, v.nodeid, &later, 0, &v));
    assert_true(v.attr.size_exact); // it is open
    assert_true(inodes_get(t, v.nodeid, 1000000, &v));
    assert_true(v.fresh);
    inodes_close(t, v.nodeid);
    later.mtime_ms++;
    assert_true(inodes_set_attr(t, v.nodeid, &later, 0, &v));
    assert_false(v.attr.size_exact);
    assert_int_equal(v.attr.size, 4096);
    assert_true(inodes_open(t, v.nodeid, 100, 78, &ch));
    assert_false(ch.same_bytes);
    assert_true(inodes_open(t, v.nodeid, 100, 0, &ch));
    assert_false(ch.same_bytes);
    inodes_forget(t, v.nodeid, 1);
    assert_true(inodes_get(t, v.nodeid, 0, &v)); // still open
    inodes_close(t, v.nodeid);
    inodes_close(t, v.nodeid);
    assert_false(inodes_get(t, v.nodeid, 0, &v));
    inodes_free(t);
}

static void names_go_stale_and_change_their_type(void **state)
{
    (void)state;
    struct inodes *t = table(NULL);
    struct inode_view v, w;
    assert_true(inodes_enter(t, INODE_ROOT, "f", K_ARTIFACT, &file_attr, 10, &v));
    assert_true(inodes_find(t, INODE_ROOT, "f", true, 2009, &w) && w.fresh);
    assert_int_equal(w.attr.ttl_ms, 1);
    assert_true(inodes_find(t, INODE_ROOT, "f", true, 2010, &w) && !w.fresh); // not counted
    assert_true(inodes_enter(t, INODE_ROOT, "f", K_FLOW, &dir_attr, 10, &w));
    assert_int_not_equal(v.nodeid, w.nodeid);
    assert_true(inodes_get(t, v.nodeid, 10, &v));
    inodes_forget(t, v.nodeid, 2);
    assert_false(inodes_get(t, v.nodeid, 10, &v));
    inodes_expire_child(t, INODE_ROOT, "f");
    assert_true(inodes_find(t, INODE_ROOT, "f", false, 10, &w) && !w.fresh);
    inodes_free(t);
}

// What is held goes along with a rename; what lost its name is left to who holds it.
static void renamed_and_removed(void **state)
{
    (void)state;
    uint64_t (*const hashes[])(uint64_t, const char *) = {NULL, same_hash};
    for (size_t i = 0; i < 2; i++) {
        struct inodes *t = table(hashes[i]);
        char longer[201];
        memset(longer, 'x', 200);
        longer[200] = '\0';
        uint64_t dir = enter(t, INODE_ROOT, "d"), a = enter(t, dir, "a"), b = enter(t, dir, longer);
        struct inode_view v;
        inodes_rename(t, dir, "a", longer);
        auto_free char *path = inodes_path(t, a, NULL), *want = mem_printf("d/%s", longer);
        assert_string_equal(path, want);
        assert_true(inodes_get(t, b, 0, &v));
        assert_true(inodes_find(t, dir, longer, false, 0, &v) && v.nodeid == a && !v.fresh);
        assert_false(inodes_find(t, dir, "a", false, 0, &v));
        inodes_rename(t, dir, longer, longer);
        inodes_rename(t, dir, "none", "other");
        inodes_rename(t, dir, longer, "a");
        assert_true(inodes_find(t, dir, "a", false, 0, &v) && v.nodeid == a);
        inodes_unlink(t, dir, "a");
        inodes_unlink(t, dir, "none");
        assert_false(inodes_find(t, dir, "a", false, 0, &v));
        uint64_t fresh = enter(t, dir, "a");
        assert_int_not_equal(fresh, a);
        inodes_forget(t, a, 1);
        inodes_forget(t, b, 1);
        assert_true(inodes_find(t, dir, "a", false, 0, &v) && v.nodeid == fresh);
        inodes_forget(t, fresh, 1);
        inodes_forget(t, dir, 1);
        assert_int_equal(live(t), 1);
        inodes_free(t);
    }
}

static void paths_and_what_is_below(void **state)
{
    (void)state;
    struct inodes *t = table(NULL);
    char longer[256];
    memset(longer, 'n', 255);
    longer[255] = '\0';
    uint64_t a = enter(t, INODE_ROOT, "a"), b = enter(t, a, longer), other = enter(t, INODE_ROOT, "o");
    struct inode_chain chain;
    assert_true(inodes_chain(t, b, &chain));
    assert_int_equal(chain.len, 2);
    assert_string_equal(chain.name[1], longer);
    auto_free char *path = inodes_path(t, other, ".meta");
    assert_string_equal(path, "o/.meta");
    auto_free char *root = inodes_path(t, INODE_ROOT, NULL);
    assert_string_equal(root, "");
    auto_free char *gone = inodes_path(t, 99999, "x");
    assert_string_equal(gone, "?/x");
    auto_free char *text = mem_printf("/a//%s/", longer);
    assert_int_equal(inodes_walk_path(t, text), b);
    assert_int_equal(inodes_walk_path(t, "a/none"), 0);
    assert_int_equal(inodes_walk_path(t, ""), INODE_ROOT);
    struct inode_ref refs[2];
    uint64_t cursor = 0, seen = 0;
    for (size_t n; (n = inodes_expire_below(t, a, &cursor, refs, 1)) > 0;) {
        seen += refs[0].nodeid == a || refs[0].nodeid == b;
        assert_true(refs[0].nodeid != other);
    }
    assert_int_equal(seen, 2);
    struct inode_view v;
    assert_true(inodes_get(t, b, 0, &v) && !v.fresh);
    assert_true(inodes_get(t, other, 0, &v) && v.fresh);
    inodes_free(t);
}

static void memory_is_small_and_given_back(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct inodes *t = table(NULL);
    uint64_t *ids = mem_zalloc(N * sizeof(*ids));
    struct inodes_stats empty, full, after;
    inodes_stats(t, &empty);
    for (unsigned i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof(name), "17953738173%06u", i);
        ids[i] = enter(t, INODE_ROOT, name);
    }
    inodes_stats(t, &full);
    assert_true((full.bytes - empty.bytes) / N < 128);
    for (unsigned i = 0; i < N; i++) {
        inodes_forget(t, ids[i], 1);
    }
    inodes_stats(t, &after);
    assert_int_equal(after.nodes, 1);
    assert_true(after.bytes <= empty.bytes + 4096 * 112);
    for (unsigned i = 0; i < 5000; i++) { // numbers are not given out again
        char name[32];
        snprintf(name, sizeof(name), "again%u", i);
        assert_true(enter(t, INODE_ROOT, name) >> 32 > 0);
    }
    free(ids);
    inodes_free(t);
}

// Random operations against a model that counts.
static void random_walk(void **state)
{
    (void)state;
    enum { NAMES = 40, STEPS = 200000 };
    struct inodes *t = table(NULL);
    uint64_t id[NAMES] = {0}, count[NAMES] = {0}, kid[NAMES] = {0}, kid_count[NAMES] = {0};
    unsigned seed = 7;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)rand_r(&seed) % NAMES;
        char name[80];
        snprintf(name, sizeof(name), "%0*u", i % 2 ? 60 : 6, i);
        struct inode_view v;
        switch (rand_r(&seed) % 4) {
        case 0:
            id[i] = enter(t, INODE_ROOT, name);
            count[i]++;
            break;
        case 1:
            if (id[i] != 0 && inodes_get(t, id[i], 0, &v)) {
                kid[i] = enter(t, id[i], "kid");
                kid_count[i]++;
            }
            break;
        case 2:
            inodes_forget(t, id[i], count[i]);
            count[i] = 0;
            break;
        case 3:
            inodes_forget(t, kid[i], kid_count[i]);
            kid_count[i] = 0;
            break;
        }
        bool alive = count[i] > 0 || kid_count[i] > 0;
        assert_int_equal(id[i] != 0 && inodes_get(t, id[i], 0, &v), alive);
        assert_int_equal(kid[i] != 0 && inodes_get(t, kid[i], 0, &v), kid_count[i] > 0);
    }
    uint64_t expected = 1;
    for (unsigned i = 0; i < NAMES; i++) {
        expected += (count[i] > 0 || kid_count[i] > 0) + (kid_count[i] > 0);
    }
    assert_int_equal(live(t), expected);
    inodes_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forget_counts_down_and_children_hold_parents),
        cmocka_unit_test(an_ino_is_stable_and_collisions_take_the_next),
        cmocka_unit_test(an_exact_size_survives_a_recorded_one),
        cmocka_unit_test(doubted_bytes_are_not_the_same),
        cmocka_unit_test(names_go_stale_and_change_their_type),
        cmocka_unit_test(renamed_and_removed),
        cmocka_unit_test(paths_and_what_is_below),
        cmocka_unit_test(memory_is_small_and_given_back),
        cmocka_unit_test(random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
