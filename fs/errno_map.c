#include "fs/errno_map.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define ROW(number, advice, expected) {number, #number, advice, NULL, expected}
#define ROW_BATCH(number, advice, batch_advice, expected) {number, #number, advice, batch_advice, expected}

static const struct errno_info table[] = {
    [ERR_OK] = {0, "OK", "", NULL, true},
    [ERR_NOT_FOUND] = ROW(ENOENT, "nothing: there is no such thing", true),
    [ERR_DENIED] = ROW_BATCH(EACCES,
        "mount as the user who owns the data (Metaflow writes files of mode 0600), or correct the permissions; where "
        "a metadata service refuses, check METAFLOW_SERVICE_AUTH_KEY and METAFLOW_SERVICE_HEADERS, where S3 does, the "
        "AWS credentials and what they may do",
        "where AWS refuses, check the AWS credentials and what they may do in AWS Batch and CloudWatch Logs; where the "
        "cause names a folder, its owner and mode", false),
    [ERR_TIMEOUT] = ROW_BATCH(ETIMEDOUT,
        "try again; if it lasts, the disk or server behind the mount is slow or hangs",
        "try again (saving the same text never makes a second job); if it lasts, AWS or the network is slow", false),
    [ERR_UNREACHABLE] = ROW_BATCH(EHOSTDOWN,
        "nothing, or check the network, METAFLOW_SERVICE_URL and METAFLOW_S3_ENDPOINT_URL: it is tried again by "
        "itself, and what was seen before can be read meanwhile",
        "check the network and the address that the cause names (AWS's come from the region and AWS_ENDPOINT_URL_*), "
        "then do it again: a save that failed is not repeated by itself, and the same text never makes a second job",
        false),
    [ERR_THROTTLED] = ROW(EAGAIN, "try again later: the server refused after several tries", false),
    [ERR_TOO_MANY] = ROW(EAGAIN, "try again: too many requests were waiting, or files open (ulimit -n), at "
                                 "once", false),
    [ERR_CORRUPT] = ROW_BATCH(EIO,
        "the stored file is damaged: compare it with another copy, or run the task again",
        "where the cause names a file of the jobs' journal, move it away; where AWS's answer was none, try again",
        false),
    [ERR_IO] = ROW_BATCH(EIO,
        "look at the system's log, or the server's: it could not be read",
        "where AWS failed, try again; else look at the system's log: the jobs' journal could not be read or written",
        false),
    [ERR_NO_SPACE] = ROW_BATCH(ENOSPC,
        "free space below METAFLOW_TEMPDIR, or set it to a larger file system, or raise --staging-size",
        "free space where the jobs' journal is (below XDG_STATE_HOME, else ~/.local/state), for a log below "
        "METAFLOW_TEMPDIR; or remove files of .batch that are no jobs, where the cause says so", false),
    [ERR_INTERRUPTED] = ROW_BATCH(EINTR, "nothing: the reader went away",
        "save it again: Ctrl-C, or another signal that ends a program, ended the save (the same text never makes a "
        "second job)", true),
    [ERR_INVALID] = ROW(EINVAL, "correct what the cause names", false),
    [ERR_BUSY] = ROW_BATCH(EBUSY, "wait, then try again: it is being changed",
        "wait for the job's end, or end it with kill in its ctl, or save under another name", false),
    [ERR_ARCHIVED] = ROW_BATCH(ENODATA, "restore the object from the archive first",
        "nothing: the log was removed from CloudWatch Logs (by hand, or when its retention ended), or never came there",
        false),
    [ERR_NO_FORM] = ROW(ENOTSUP, "read another form of an artifact (.json/, .npy/), or the stored bytes (.pickle/, "
                                 ".code.tgz); else nothing", false),
    [ERR_NOT_PERMITTED] = ROW_BATCH(EPERM, "nothing: Metaflow never allows it",
        "nothing: files in .batch belong to the mounting user and have no links", false),
    [ERR_READ_ONLY] = ROW(EROFS, "nothing: only tags, files in .batch and .metaflowfs/refresh are written", true),
    [ERR_EXISTS] = ROW(EEXIST, "nothing: it is there already", true),
    [ERR_LIMIT] = ROW_BATCH(EIO,
        "make room where the cause names a limit of the system; of an artifact or a code package that is too large or "
        "too deep to show read the stored bytes, below .pickle/ or as .code.tgz",
        "make smaller what the cause names, or make room where it names a limit of the system", false),
    [ERR_TEMPDIR] = ROW(EIO,
        "make the directory that the cause names one that can be written, or set METAFLOW_TEMPDIR to another and mount "
        "again", false),
    [ERR_NO_MEMORY] = ROW(ENOMEM, "free memory, then try again", false),
};

const struct errno_info *errno_of(errc code)
{
    static const struct errno_info unknown = {EIO, "EIO", "report it: this kind of error has no errno", NULL,
                                               false};
    size_t i = (size_t)code;
    return i < sizeof(table) / sizeof(table[0]) && table[i].name != NULL ? &table[i] : &unknown;
}

const char *errno_advice(errc code, const char *path)
{
    static const char batch[] = ".batch";
    const struct errno_info *info = errno_of(code);
    bool is_batch = strncmp(path, batch, sizeof(batch) - 1) == 0 && strchr("/", path[sizeof(batch) - 1]) != NULL;
    return is_batch && info->batch_advice != NULL ? info->batch_advice : info->advice;
}
