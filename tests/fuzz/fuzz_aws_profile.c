// base/aws_profile.h: any bytes are files or fail with a cause that holds nothing of them; every look-up answers.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/aws_profile.h"
#include "base/mem.h"
#include "base/shell_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct aws_files *f)
{
    static const char *const profiles[] = {"default", "dev", "two words", ""};
    static const char *const keys[] = {"region", "aws_access_key_id", "s3", "services", "credential_process"};
    size_t sum = 0;
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        bool exists = aws_profile_exists(f, profiles[i]);
        for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
            const char *plain = aws_profile_get(f, profiles[i], NULL, keys[k]);
            const char *nested = aws_profile_get(f, profiles[i], keys[k], "endpoint_url");
            if (!exists && (plain || nested)) {
                abort();
            }
            sum += (plain ? strlen(plain) : 0) + (nested ? strlen(nested) : 0);
            if (plain) {
                struct strv words = {0};
                sum += shell_words(plain, &words);
                strv_free(&words);
            }
        }
        const char *service = aws_service_get(f, profiles[i], "s3", "endpoint_url");
        const char *session = aws_sso_session_get(f, profiles[i], "sso_region");
        sum += (service ? strlen(service) : 0) + (session ? strlen(session) : 0);
    }
    volatile size_t used = sum;
    (void)used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct aws_files *f = NULL;
    char *text = malloc(size ? size : 1);
    if (!text) {
        return 0;
    }
    memcpy(text, data, size);
    errc e = aws_files_parse(text, size, text, size, &f, &err);
    free(text);
    if (!e) {
        look(f);
        aws_files_free(f);
    } else if (e != ERR_INVALID || err.cause[0] == '\0') {
        abort();
    }
    return 0;
}
