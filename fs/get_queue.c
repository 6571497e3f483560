#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "fs/get_i.h"

struct get_dir *get_dir_new(int fd, const char *path)
{
    struct get_dir *dir = mem_zalloc(sizeof(*dir));
    atomic_init(&dir->refs, 1);
    dir->fd = fd;
    dir->path = mem_strdup(path);
    return dir;
}

struct get_dir *get_dir_ref(struct get_dir *dir)
{
    atomic_fetch_add(&dir->refs, 1);
    return dir;
}

void get_dir_unref(struct get_dir *dir)
{
    if (dir == NULL || atomic_fetch_sub(&dir->refs, 1) != 1) {
        return;
    }
    if (dir->fd >= 0) {
        close(dir->fd);
    }
    free(dir->path);
    free(dir);
}

void get_item_free(struct get_item *item)
{
    get_dir_unref(item->dir);
    tref_free(&item->ref);
    free(item->name);
    free(item);
}

void get_queue_init(struct get_queue *q, unsigned jobs)
{
    *q = (struct get_queue){.enough = (size_t)jobs * 2, .max_listing = jobs / 4 + 1, .max_running = jobs};
    q->files_end = &q->files;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
}

static void free_list(struct get_item *item)
{
    while (item != NULL) {
        struct get_item *next = item->next;
        get_item_free(item);
        item = next;
    }
}

void get_queue_free(struct get_queue *q)
{
    free_list(q->files);
    free_list(q->dirs);
    free_list(q->late);
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
}

static void push(struct get_item **list, struct get_item *item)
{
    item->next = *list;
    *list = item;
}

static struct get_item *pop(struct get_item **list)
{
    struct get_item *item = *list;
    *list = item->next;
    item->next = NULL;
    return item;
}

void get_queue_add(struct get_queue *q, struct get_item *item)
{
    pthread_mutex_lock(&q->lock);
    q->begun = true;
    if (item->alone) {
        push(&q->late, item);
    } else if (item->is_dir) {
        push(&q->dirs, item); // the deepest first, so that few are open
    } else {
        *q->files_end = item;
        q->files_end = &item->next;
        q->n_files++;
    }
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static struct get_item *take_file(struct get_queue *q)
{
    struct get_item *item = pop(&q->files);
    if (q->files == NULL) {
        q->files_end = &q->files;
    }
    q->n_files--;
    q->copying++;
    return item;
}

// With the lock: what may be begun now, or NULL.
static struct get_item *choose(struct get_queue *q)
{
    if (q->alone || q->listing + q->copying >= q->max_running) {
        return NULL;
    }
    bool list_ahead = q->dirs != NULL && q->listing < q->max_listing && q->n_files < q->enough;
    if (q->files != NULL && !(list_ahead && q->listing == 0)) {
        return take_file(q);
    }
    if (list_ahead) {
        q->listing++;
        return pop(&q->dirs);
    }
    if (q->late != NULL && q->files == NULL && q->dirs == NULL && q->listing == 0 && q->copying == 0) {
        q->alone = true;
        q->copying++;
        return pop(&q->late);
    }
    return NULL;
}

static bool is_over(const struct get_queue *q)
{
    return q->begun && q->files == NULL && q->dirs == NULL && q->late == NULL && q->listing == 0 && q->copying == 0;
}

struct get_item *get_queue_take(struct get_queue *q)
{
    struct get_item *item = NULL;
    pthread_mutex_lock(&q->lock);
    while (!q->stopped && !is_over(q) && (item = choose(q)) == NULL) {
        pthread_cond_wait(&q->changed, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

void get_queue_done(struct get_queue *q, const struct get_item *item)
{
    pthread_mutex_lock(&q->lock);
    if (item->is_dir) {
        q->listing--;
    } else {
        q->copying--;
        q->alone = false;
    }
    // One that ends may let several begin, or all of them end.
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

static void push_first(struct get_queue *q, struct get_item *item)
{
    if (item->alone || item->is_dir) {
        push(item->alone ? &q->late : &q->dirs, item);
        return;
    }
    push(&q->files, item);
    q->n_files++;
    if (item->next == NULL) {
        q->files_end = &item->next;
    }
}

bool get_queue_crowded(struct get_queue *q, struct get_item *item)
{
    pthread_mutex_lock(&q->lock);
    unsigned running = q->listing + q->copying;
    bool again = running > 1;
    if (again) {
        q->max_running = running / 2 < q->max_running ? running / 2 : q->max_running;
        q->enough = q->max_running; // what is queued holds its directory open
        *(item->is_dir ? &q->listing : &q->copying) -= 1;
        push_first(q, item);
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return again;
}

bool get_queue_is_walked(struct get_queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool walked = q->begun && q->dirs == NULL && q->listing == 0;
    pthread_mutex_unlock(&q->lock);
    return walked;
}

void get_queue_stop(struct get_queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->stopped = true;
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}
