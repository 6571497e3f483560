// What is not shown of what a person configured or sent: the values of names that tell of a secret, and the user part
// of URLs. Pure.
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>

#include "base/buf.h"

#define SECRET_SHOWN "***" // what stands in its place

// Names with KEY, SECRET, TOKEN, PASSWORD, PASSWD, PASSPHRASE, CREDENTIAL, AUTHORIZATION or HEADERS in them, or with
// _PAT at their end, in any case.
bool secret_is_name(const char *name);
// The text, without what stands between :// and the last @ before the path of each URL in it ("user:password").
void secret_put_text(struct buf *out, const char *text);

#endif
