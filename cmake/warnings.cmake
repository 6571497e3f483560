# Every target is compiled with the same warnings, all of them errors, by gcc and clang alike.
function(mf_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2
    -Wimplicit-fallthrough -Wno-missing-field-initializers -fno-common -fvisibility=hidden)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE _FILE_OFFSET_BITS=64)
  if(METAFLOWFS_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${METAFLOWFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${METAFLOWFS_SANITIZE})
  endif()
endfunction()
