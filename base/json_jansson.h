// jansson with the names hidden that base/json.h uses for its own. Only base/json*.c include it.
#ifndef BASE_JSON_JANSSON_H
#define BASE_JSON_JANSSON_H

#define json_real jansson_real
#define JSON_NULL JANSSON_NULL
#define JSON_REAL JANSSON_REAL
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_OBJECT JANSSON_OBJECT
#include <jansson.h>
#undef json_real
#undef JSON_NULL
#undef JSON_REAL
#undef JSON_ARRAY
#undef JSON_OBJECT

#endif
