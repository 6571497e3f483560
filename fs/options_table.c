#include <string.h>

#include "base/edits.h"
#include "fs/options.h"

#define AT(field) offsetof(struct options, field)
#define PLAIN SIZE_MAX

const struct option_row option_table[] = {
    {"datastore-root", 0, OPTION_TEXT, AT(datastore_root), PLAIN, "DIR",
     "a .metaflow directory or one that contains it (default: where Metaflow looks), read with its own "
     "metadata, also where a service is configured; or s3://BUCKET/PREFIX", false},
    {"namespace", 0, OPTION_TEXT, AT(ns), PLAIN, "TAG", "show only runs with this tag (default: all)", false},
    {"foreground", 'f', OPTION_FLAG, AT(foreground), PLAIN, NULL, "stay in the foreground", false},
    {"debug", 'd', OPTION_FLAG, AT(debug), PLAIN, NULL,
     "log everything to standard error; implies -f", false},
    {"check", 0, OPTION_FLAG, AT(check), PLAIN, NULL, "say what would be mounted and mount nothing", false},
    {"clean-stale", 0, OPTION_FLAG, AT(clean_stale), PLAIN, NULL,
     "unmount what a killed metaflowfs left at MOUNTPOINT first", false},
    {"ttl", 0, OPTION_SECONDS, AT(ttl_ms), PLAIN, "SECONDS", "how old what still changes may be (default: 2)",
     false},
    {"stale-after", 0, OPTION_SECONDS, AT(stale_after_ms), PLAIN, "SECONDS",
     "a run whose last heartbeat is older is stale (default: 360)", false},
    {"settle-after", 0, OPTION_SECONDS, AT(settle_after_ms), PLAIN, "SECONDS",
     "how long after its end a task can still gain logs and cards (default: 900)", false},
    {"service-timeout", 0, OPTION_SECONDS, AT(service_timeout_ms), PLAIN, "SECONDS",
     "how long one question to the metadata service may take, with its retries (default: 30)", false},
    {"cache-dir", 0, OPTION_TEXT, AT(cache_dir), PLAIN, "DIR",
     "where answers of the metadata service and small objects of S3 are kept (default: "
     "$XDG_CACHE_HOME/metaflowfs or ~/.cache/metaflowfs)", false},
    {"cache-size", 0, OPTION_BYTES, AT(cache_bytes), PLAIN, "BYTES",
     "most bytes that are kept of them, with K, M, G or T (default: 1G)", false},
    {"no-cache", 0, OPTION_FLAG, AT(no_cache), PLAIN, NULL, "keep nothing after the mount ends", false},
    {"staging-size", 0, OPTION_BYTES, AT(staging_bytes), PLAIN, "BYTES",
     "most bytes below METAFLOW_TEMPDIR, with K, M, G or T (default: 8G, and what is being read)", false},
    {"profile", 0, OPTION_TEXT, AT(aws_profile), PLAIN, "NAME",
     "AWS profile for S3 (default: AWS_PROFILE, or default)", false},
    {"region", 0, OPTION_TEXT, AT(aws_region), PLAIN, "NAME",
     "AWS region of the bucket (default: AWS_REGION, the profile's, or what the bucket answers)", false},
    {"endpoint-url", 0, OPTION_TEXT, AT(endpoint_url), PLAIN, "URL",
     "an S3 that is not AWS's (default: METAFLOW_DATATOOLS_CLIENT_PARAMS, METAFLOW_S3_ENDPOINT_URL, "
     "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or the profile's)", false},
    {"path-style", 0, OPTION_FLAG, AT(path_style), PLAIN, NULL,
     "ask for ENDPOINT/BUCKET/KEY (default: where the endpoint is not AWS's)", false},
    {"virtual-host-style", 0, OPTION_FLAG, AT(virtual_host_style), PLAIN, NULL,
     "ask for BUCKET.ENDPOINT/KEY (default: where it is)", false},
    {"no-sign-request", 0, OPTION_FLAG, AT(no_sign_request), PLAIN, NULL,
     "read a public bucket without credentials", false},
    {"max-connections", 0, OPTION_NUMBER, AT(max_connections), AT(has_max_connections), "N",
     "most connections at once (default: 128)", false},
    {"fetch-ahead", 0, OPTION_BYTES, AT(ahead_bytes), AT(has_ahead_bytes), "BYTES",
     "most bytes fetched from S3 before somebody reads them, with K, M, G or T (default: 32M; 0: none)", false},
    {"fetch-memory", 0, OPTION_BYTES, AT(fetch_bytes), PLAIN, "BYTES",
     "most bytes of S3 in flight, with K, M, G or T (default: 256M)", false},
    {"no-batch", 0, OPTION_FLAG, AT(no_batch), PLAIN, NULL, "no .batch: jobs cannot be submitted", false},
    {"batch-dry-run", 0, OPTION_FLAG, AT(batch_dry_run), PLAIN, NULL,
     "send nothing to AWS Batch: .batch/NAME/request shows what would be sent", false},
    {"batch-allow-other", 0, OPTION_FLAG, AT(batch_allow_other), PLAIN, NULL,
     "let those use .batch, too, who can see the mount: they submit jobs with your credentials", false},
    {"log-file", 0, OPTION_TEXT, AT(log_file), PLAIN, "FILE", "where to log (default: standard error)", false},
    {"log-level", 0, OPTION_LEVEL, AT(log_level), AT(has_log_level), "LEVEL", "error, warn, info or debug",
     false},
    {"ro", 0, OPTION_FLAG, AT(read_only), PLAIN, NULL, "nothing is writable, not even tags", false},
    {"allow-other", 0, OPTION_FLAG, AT(allow_other), PLAIN, NULL, "let other users read it", false},
    {"allow-root", 0, OPTION_FLAG, AT(allow_root), PLAIN, NULL, "let root read it", false},
    {"uid", 0, OPTION_NUMBER, AT(uid), AT(has_uid), "N", "owner of everything shown (default: you)", false},
    {"gid", 0, OPTION_NUMBER, AT(gid), AT(has_gid), "N", "group of everything shown (default: yours)", false},
    {"umask", 0, OPTION_OCTAL, AT(umask), AT(has_umask), "OCTAL", "permission bits to take away (default: 0)",
     false},
    {"dots", 0, OPTION_DOTS, AT(list_dots), PLAIN, "list|hide", "whether ls shows .meta and the like (default: hide)",
     false},
    {"no-auto-unmount", 0, OPTION_FLAG, AT(no_auto_unmount), PLAIN, NULL,
     "do not have fusermount3 unmount what a killed metaflowfs leaves", false},
    {"version", 'V', OPTION_FLAG, AT(version), PLAIN, NULL, "print the version", false},
    {"help", 'h', OPTION_FLAG, AT(help), PLAIN, NULL, "print this", false},
    {"fault", 0, OPTION_TEXT, AT(fault), PLAIN, "RULES",
     "slow or failing storage, e.g. get:delay=500 or any:fail=io@HelloFlow", true},
    {NULL, 0, OPTION_FLAG, 0, PLAIN, NULL, NULL, false},
};

static bool same_name(const char *name, const char *given, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = given[i] == '_' ? '-' : given[i];
        if (name[i] != c) {
            return false;
        }
    }
    return name[len] == '\0';
}

const struct option_row *option_find(const char *name, size_t len)
{
    for (const struct option_row *r = option_table; r->name != NULL; r++) {
        if (same_name(r->name, name, len)) {
            return r;
        }
    }
    return NULL;
}

const struct option_row *option_nearest(const char *name, size_t len)
{
    const struct option_row *best = NULL;
    size_t best_distance = 3;
    for (const struct option_row *r = option_table; r->name != NULL; r++) {
        size_t d = edits_between(r->name, name, len);
        if (d < best_distance) {
            best_distance = d;
            best = r;
        }
    }
    return best;
}

static bool is_in(const char *const *list, const char *name)
{
    for (; *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return true;
        }
    }
    return false;
}

bool option_is_ignored(const char *name)
{
    static const char *const words[] = {
        "_netdev", "nofail", "fail", "noauto", "auto", "user", "nouser", "users", "owner", "group",
        "defaults", "rw", "exec", "suid", "dev", "async", "atime", "relatime", "norelatime", "diratime",
        "nodiratime", "strictatime", "nostrictatime", "lazytime", "nolazytime", "nonempty",
        "default_permissions", "big_writes", "auto_unmount", NULL};
    static const char *const prefixes[] = {"x-", "X-", "comment=", "user=", "fsname=", "subtype=", NULL};
    for (const char *const *p = prefixes; *p != NULL; p++) {
        if (strncmp(name, *p, strlen(*p)) == 0) {
            return true;
        }
    }
    return is_in(words, name);
}

bool option_is_mount_flag(const char *name)
{
    static const char *const words[] = {"noexec", "nosuid", "nodev", "noatime", "sync", "dirsync", NULL};
    return is_in(words, name);
}

static void print_rows(FILE *out, bool testing)
{
    for (const struct option_row *r = option_table; r->name != NULL; r++) {
        if (r->testing != testing) {
            continue;
        }
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", r->name, r->arg != NULL ? " " : "",
                 r->arg != NULL ? r->arg : "");
        if (r->letter != 0) {
            fprintf(out, "  -%c, %-24s %s\n", r->letter, left, r->help);
        } else {
            fprintf(out, "      %-24s %s\n", left, r->help);
        }
    }
}

static const char get_options[] =
    "\nOf metaflowfs get alone:\n"
    "      --raw                    artifacts as they are stored, instead of in their natural form\n"
    "      --logs                   also the logs of each task, as .stdout and .stderr\n"
    "      --overwrite              replace files that are there already and that no earlier copy made\n"
    "      --jobs N                 how many files are copied at once (default: 32)\n"
    "      --quiet                  no progress and no closing line\n";

void options_help(FILE *out)
{
    fputs("usage: metaflowfs [options] MOUNTPOINT\n"
          "       metaflowfs ls|cat PATH...          the same tree without a mount\n"
          "       metaflowfs get PATHSPEC DIR        copy what is there to files, many at once\n"
          "       fusermount3 -u MOUNTPOINT          to unmount\n"
          "\n"
          "Mounts Metaflow's runs and artifacts as files. With no options it finds its configuration\n"
          "where Metaflow does: the environment, .metaflow/config.json, ~/.metaflowconfig/config.json,\n"
          "and the nearest .metaflow directory from here upward.\n"
          "\n", out);
    print_rows(out, false);
    fputs("  -o NAME[=VALUE],...          any option above, as in fstab; also ro, noexec, nosuid, nodev;\n"
          "                               _netdev, nofail, noauto, x-systemd.* and the like are ignored\n"
          "\nFor testing:\n", out);
    print_rows(out, true);
    fputs(get_options, out);
    fputs("\nExit codes: 0 mounted, or unmounted cleanly with -f; 1 another error; 2 wrong usage; 3 no\n"
          "datastore found or the configuration is wrong; 4 the datastore cannot be read; 5 no /dev/fuse,\n"
          "no fusermount3, or mounting is not permitted; 6 the mountpoint is missing, busy or mounted\n"
          "already; 7 the mountpoint is stale (a killed daemon left it); 8 Metaflow is configured for a\n"
          "datastore that this release does not read (Azure, Google); 9 the metadata service cannot be\n"
          "reached, or refuses.\n", out);
}
