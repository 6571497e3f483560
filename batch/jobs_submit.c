// Submissions: what a saved text means for the job that is there, and what is made of it before anything is sent.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_scan.h"
#include "base/log.h"
#include "base/mem.h"
#include "batch/job_text.h"
#include "batch/jobs_i.h"

#define ASK_MS (5 * 1000) // how long is looked for what was sent, before more is done about it

#define VET_MS (5 * 1000) // how long a check may wait; what a submission meets again it waits for longer

static const char cut_short[] =
    "it was not submitted: the mount ended, or its machine stopped, before anything was sent";
static const char not_closed[] =
    "it was not submitted: its file was not closed yet, or the mount ended before anything was sent";

static bool is_same_text(const char *a, const char *b)
{
    return job_text_same(a, strlen(a), b, strlen(b));
}

void submission_free(struct submission *s)
{
    job_spec_free(&s->spec);
    job_code_free(&s->code);
    strv_free(&s->depends_on);
    record_free(&s->rec);
    job_definition_free(&s->definition);
    buf_free(&s->problems);
    journal_unlock(s->lock);
    s->lock = NULL;
}

void jobs_reached(struct jobs *j, enum jobs_step step)
{
    if (j->conf.reached != NULL) {
        j->conf.reached(j->conf.arg, step);
    }
}

errc submission_problems(struct submission *s, struct err *err)
{
    const char *text = s->problems.data != NULL ? s->problems.data : "the job file was refused";
    const char *end = strchr(text, '\n');
    size_t first = end != NULL ? (size_t)(end - text) : strlen(text), more = 0;
    for (const char *p = end; p != NULL && p[1] != '\0'; p = strchr(p + 1, '\n')) {
        more++;
    }
    if (more == 0) {
        return err_set(err, ERR_INVALID, "%.*s", (int)first, text);
    }
    return err_set(err, ERR_INVALID, "%.*s (and %zu more: .batch/%s/error)", (int)first, text, more, s->name);
}

// --- checks ------------------------------------------------------------------------------------------------------

static errc check_text(const char *name, const char *text, size_t len, struct job_spec *ret, struct buf *problems,
                       struct err *err)
{
    if (len > JOB_TEXT_MAX) {
        buf_printf(problems, "the file has more than %d KiB: a job file is a short JSON object\n", JOB_TEXT_MAX / 1024);
        return err_set(err, ERR_INVALID, "the file has more than %d KiB: a job file is a short JSON object",
                       JOB_TEXT_MAX / 1024);
    }
    errc e = job_spec_read(text, len, name, ret, problems, err);
    if (e && problems->len == 0) {
        buf_printf(problems, "%s\n", err->cause);
    }
    return e;
}

errc jobs_check(struct jobs *j, const char *name, const char *text, size_t len, enum jobs_text *ret, struct err *err)
{
    auto_cleanup(buf_free) struct buf problems = {0};
    struct job_spec spec = {0};
    struct json_scan_place place;
    enum json_scan_state state = len > JOB_TEXT_MAX ? JSON_SCAN_BAD : json_scan(text, len, &place);
    if (state == JSON_SCAN_EMPTY || state == JSON_SCAN_INCOMPLETE) {
        *ret = state == JSON_SCAN_EMPTY ? JOBS_TEXT_EMPTY : JOBS_TEXT_INCOMPLETE;
        return ERR_OK;
    }
    errc e = check_text(name, text, len, &spec, &problems, err);
    if (!e) {
        job_spec_free(&spec);
        *ret = JOBS_TEXT_ACCEPTED;
        return ERR_OK;
    }
    own_refuse(j, name, problems.data);
    return e;
}

// --- what is there -----------------------------------------------------------------------------------------------

errc submission_write(struct submission *s, struct err *err)
{
    errc e = journal_save(s->j->journal, s->lock, &s->rec, err);
    if (!e) {
        e = jobs_refresh(s->j, s->name, err);
    }
    return e;
}

errc submission_adopt(struct submission *s, const char *id, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    char *copy = mem_strdup(id);
    free(in->id);
    in->id = copy;
    free(in->error);
    in->error = NULL;
    in->state = INTENT_ACCEPTED;
    in->changed_ms = clock_wall_ms();
    errc e = submission_write(s, err);
    if (e) {
        return err_prefix(err, "AWS Batch accepted the job as %s, but it could not be written down", id);
    }
    log_info("batch", "job %s was submitted as %s", s->name, id);
    jobs_reached(s->j, JOBS_STEP_ACCEPTED);
    return ERR_OK;
}

struct telling {
    struct intent *in;
    bool heard, changed;
};

static void tell(void *arg, const struct json *detail)
{
    struct telling *t = arg;
    const char *id = json_str(json_get(detail, "jobId"));
    if (id != NULL && strcmp(id, t->in->id) == 0) {
        t->heard = true;
        t->changed = intent_tell(t->in, detail) || t->changed;
    }
}

// A job that is taken to live would make a save do nothing, which is a lie where it ended.
static errc not_asked(const struct submission *s, const struct intent *in, const struct err *why, struct err *err)
{
    errc code = why->code == ERR_IO ? ERR_UNREACHABLE : why->code;
    bool is_same = is_same_text(in->text, s->text);
    return err_set(err, is_same || code == ERR_INTERRUPTED ? code : ERR_BUSY,
                   "nothing was sent for this save: whether the job %s (%s%s) has ended could not be asked, and while "
                   "it may live there is no other; save it again later%s (%.300s)", s->name, in->id,
                   is_same ? "" : ", with other content", is_same ? "" : ", or use another name", why->cause);
}

// One that was submitted just now may not be known yet, and lives.
static errc not_known(const struct submission *s, const struct intent *in, struct err *err)
{
    if (clock_wall_ms() - in->sent_ms <= s->j->conf.settle_ms) {
        return ERR_OK;
    }
    return err_set(err, ERR_BUSY, "nothing was sent for this save: AWS Batch in %s does not know the job %s (%s), "
                   "which may live in another region or account, or ended long ago and is forgotten: save it again "
                   "later, or use another name", s->j->conf.settings->region, s->name, in->id);
}

// The journal may not know yet that the present job ended: Batch is asked, until the submission's time is over.
static errc ask_for_end(struct submission *s, struct intent *in, bool *ret_changed, struct err *err)
{
    struct err why = ERR_INIT;
    struct telling telling = {.in = in};
    auto_cleanup(strv_free) struct strv ids = {0};
    strv_add(&ids, in->id);
    errc e = jobs_can_ask(s->j) ? jobs_ask(s->j, &ids, 0, s->cancel, tell, &telling, &why)
                                : err_set(&why, ERR_INVALID, "%s", s->j->why_not);
    *ret_changed = telling.changed;
    return e ? not_asked(s, in, &why, err) : telling.heard ? ERR_OK : not_known(s, in, err);
}

// What was sent, and not answered: a look at once. What it does not tell is found out by submission_send.
static void look_for_sent(struct submission *s, struct intent *in, bool *ret_changed)
{
    struct err ignored = ERR_INIT;
    int64_t before = s->cancel->deadline_ms, soon = clock_mono_ms() + ASK_MS;
    s->cancel->deadline_ms = soon < before ? soon : before;
    (void)!intent_settle(s->j, s->name, in, s->cancel, ret_changed, &ignored);
    s->cancel->deadline_ms = before;
}

static errc bring_up_to_date(struct submission *s, struct intent *in, struct err *err)
{
    bool changed = false;
    errc e = ERR_OK;
    if (in->state == INTENT_ACCEPTED) {
        e = ask_for_end(s, in, &changed, err);
    } else if (jobs_can_ask(s->j)) {
        look_for_sent(s, in, &changed);
    }
    return !e && changed ? submission_write(s, err) : e;
}

static errc busy(const struct submission *s, const struct intent *in, struct err *err)
{
    if (in->state == INTENT_SENDING) {
        return err_set(err, ERR_BUSY, "another text of %s.json was sent to AWS Batch as %s, and whether that job "
                       "exists is not known yet: wait until .batch/%s/status says more, or use another name", s->name,
                       in->job_name != NULL ? in->job_name : "a job", s->name);
    }
    return err_set(err, ERR_BUSY, "the job %s lives, with other content, as %s: wait for its end, or end it with: "
                   "echo kill > .batch/%s/ctl; or use another name", s->name, in->id, s->name);
}

// Whether the text is that of the job which is there: *ret_done then.
static errc meet_present(struct submission *s, bool *ret_done, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    *ret_done = false;
    if (in == NULL || !intent_lives(in)) {
        return ERR_OK;
    }
    errc e = bring_up_to_date(s, in, err);
    if (e || !intent_lives(in)) {
        return e;
    }
    if (!is_same_text(in->text, s->text)) {
        return busy(s, in, err);
    }
    *ret_done = in->state == INTENT_ACCEPTED;
    s->may_exist = in->state == INTENT_SENDING;
    if (s->rec.file_removed) {
        s->rec.file_removed = false;
        e = submission_write(s, err);
    }
    return e;
}

// What was sent once and then taken to be lost came late, perhaps.
static errc find_late(struct submission *s, bool *ret_found, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    *ret_found = false;
    if (in == NULL || in->state != INTENT_NONE || in->sent_ms == 0 || !is_same_text(in->text, s->text)) {
        return ERR_OK;
    }
    return submission_look(s, ret_found, err);
}

// The intent that the text is: the next generation, or this one again when it never existed. One that was sent with
// other text keeps its place: should its job come to light after all, the record has it.
static errc begin(struct submission *s, const char *why_not, struct err *err)
{
    struct intent *in = record_present(&s->rec);
    unsigned generation = in != NULL ? in->generation : 0;
    if (in != NULL && in->state == INTENT_NONE && (in->sent_ms == 0 || is_same_text(in->text, s->text))) {
        intent_free(in);
    } else {
        s->rec.at = mem_grow(s->rec.at, &s->rec.cap, s->rec.len + 1, sizeof(*s->rec.at));
        in = &s->rec.at[s->rec.len++];
        generation++;
    }
    *in = (struct intent){
        .generation = generation,
        .state = INTENT_NONE,
        .text = mem_strdup(s->text),
        .error = mem_strdup(why_not),
        .saved_ms = clock_wall_ms(),
    };
    s->rec.file_removed = false;
    errc e = submission_write(s, err);
    if (!e) {
        jobs_reached(s->j, JOBS_STEP_BEGUN);
    }
    return e;
}

// Nothing was sent, or all was refused.
static void withdraw(struct submission *s, const struct err *why)
{
    struct err ignored = ERR_INIT;
    struct intent *in = record_present(&s->rec);
    in->state = INTENT_NONE;
    free(in->error);
    in->error = s->problems.len > 0 ? mem_strdup(s->problems.data) : mem_strdup(why->cause);
    in->changed_ms = clock_wall_ms();
    if (submission_write(s, &ignored)) {
        log_warn("batch", "job %s: %s", s->name, ignored.cause);
        return;
    }
    s->is_told = true;
}

// All that comes before SubmitJob; what goes wrong says that nothing was sent.
static errc make_intent(struct submission *s, bool *ret_found, struct err *err)
{
    errc e = find_late(s, ret_found, err);
    if (*ret_found) {
        return e;
    }
    e = e ? e : begin(s, cut_short, err);
    e = e ? e : submission_prepare(s, err);
    bool is_refused = e == ERR_INVALID || s->problems.len > 0; // the file is wrong: that goes without saying
    return e && !is_refused ? err_prefix(err, "the job was not submitted, and nothing was sent") : e;
}

static errc load(struct submission *s, struct err *err)
{
    errc e = journal_load(s->j->journal, s->name, &s->rec, err);
    if (e == ERR_NOT_FOUND) {
        s->rec.name = mem_strdup(s->name);
        return ERR_OK;
    }
    return e ? e : jobs_refresh(s->j, s->name, err); // another mount may have submitted it
}

static errc cannot(const struct submission *s, struct err *err)
{
    return err_set(err, ERR_INVALID, "the job cannot be submitted: %s", s->j->why_not);
}

static errc judge(struct submission *s, struct err *err)
{
    auto_free char *queue = NULL;
    errc e = submission_judge(s, &queue, err);
    if (e == ERR_INVALID || e == ERR_INTERRUPTED) {
        withdraw(s, err);
    }
    return e;
}

// Written down before anything is asked, as a submission is: what was saved is not lost with the mount.
static errc vet_locked(struct submission *s, struct err *err)
{
    errc e = load(s, err);
    const struct intent *in = record_present(&s->rec);
    bool may_be_there = in != NULL && (intent_lives(in) || (in->state == INTENT_NONE && in->sent_ms != 0 &&
                                                            is_same_text(in->text, s->text)));
    if (e || may_be_there) {
        return e;
    }
    if (!jobs_can_ask(s->j)) {
        return cannot(s, err);
    }
    e = begin(s, not_closed, err);
    return e ? e : judge(s, err);
}

static errc submit_locked(struct submission *s, struct err *err)
{
    bool is_done = false;
    errc e = load(s, err);
    if (!e) {
        e = meet_present(s, &is_done, err);
    }
    if (e || is_done) {
        return e;
    }
    if (!jobs_can_ask(s->j)) {
        return cannot(s, err);
    }
    if (!s->may_exist) {
        e = make_intent(s, &is_done, err);
        if (is_done) {
            return e;
        }
    }
    if (!e) {
        e = submission_send(s, err);
    }
    if (e && !s->may_exist && record_present(&s->rec)->state != INTENT_ACCEPTED) {
        withdraw(s, err);
    }
    return e;
}

static void enter(struct submission *s)
{
    pthread_mutex_lock(&s->j->lock);
    own_make(s->j, s->name)->submitting++;
    pthread_mutex_unlock(&s->j->lock);
}

// `error` NULL takes back what was refused before.
static void leave(struct submission *s, const char *error, bool is_dry)
{
    struct jobs *j = s->j;
    pthread_mutex_lock(&j->lock);
    struct own *o = own_make(j, s->name);
    o->submitting -= o->submitting > 0 ? 1 : 0;
    free(o->error);
    o->error = mem_strdup(error);
    o->error_ms = clock_wall_ms();
    if (!is_dry && o->rec.len > 0 && (error == NULL || own_present(o)->state == INTENT_NONE)) {
        own_forget_dry(o);
    }
    j->pace_ms = j->conf.poll_ms;
    j->next_ms = clock_mono_ms() + j->conf.poll_ms / 2;
    jobs_wake(j);
    pthread_mutex_unlock(&j->lock);
}

static errc submit(struct submission *s, bool is_vet, struct err *err)
{
    bool is_dry = s->j->conf.dry_run || s->spec.dry_run;
    enter(s);
    errc e = journal_lock(s->j->journal, s->name, s->cancel, &s->lock, err);
    if (e == ERR_TIMEOUT) {
        e = err_set(err, e, "another mount is still submitting %s.json: nothing was sent for this save", s->name);
    }
    if (!e && is_vet) {
        e = is_dry ? jobs_dry_vet(s, err) : vet_locked(s, err);
        e = e == ERR_INVALID || e == ERR_INTERRUPTED ? e : ERR_OK;
    } else if (!e) {
        e = is_dry ? jobs_dry_run(s, s->text, err) : submit_locked(s, err);
    }
    leave(s, !e || s->is_told ? NULL : s->problems.len > 0 ? s->problems.data : err->cause, is_dry);
    return e;
}

static errc submit_within(struct jobs *j, const char *name, const char *text, size_t len, struct cancel *cancel,
                          bool is_vet, struct err *err)
{
    struct cancel token = {0};
    auto_free char *copy = mem_strndup(text, len);
    struct submission s = {.j = j, .name = name, .cancel = cancel != NULL ? cancel : &token, .text = copy};
    int64_t before = s.cancel->deadline_ms;
    int64_t until = clock_mono_ms() + (is_vet && VET_MS < j->conf.submit_ms ? VET_MS : j->conf.submit_ms);
    jobs_load(j);
    errc e = check_text(name, text, len, &s.spec, &s.problems, err);
    if (e) {
        own_refuse(j, name, s.problems.data);
    } else {
        s.cancel->deadline_ms = before == 0 || before > until ? until : before;
        e = submit(&s, is_vet, err);
        s.cancel->deadline_ms = before;
    }
    submission_free(&s);
    return e;
}

errc jobs_vet(struct jobs *j, const char *name, const char *text, size_t len, struct cancel *cancel, struct err *err)
{
    errc e = submit_within(j, name, text, len, cancel, true, err);
    return e == ERR_INVALID || e == ERR_INTERRUPTED ? e : ERR_OK;
}

errc jobs_submit(struct jobs *j, const char *name, const char *text, size_t len, struct cancel *cancel,
                 struct err *err)
{
    return submit_within(j, name, text, len, cancel, false, err);
}
