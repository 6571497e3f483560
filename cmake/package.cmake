# What `cmake --install` puts where, and the Debian package that `cpack -G DEB` makes of it.
include(GNUInstallDirs)
find_program(METAFLOWFS_GZIP gzip REQUIRED)

# mf_gzip(FILE NAME): FILE compressed as NAME in the build folder, without a time in it.
function(mf_gzip file name)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/${name}
    COMMAND ${METAFLOWFS_GZIP} -9nc ${CMAKE_SOURCE_DIR}/${file} > ${CMAKE_BINARY_DIR}/${name}
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} VERBATIM)
endfunction()
mf_gzip(docs/metaflowfs.1 metaflowfs.1.gz)
mf_gzip(packaging/debian/changelog changelog.Debian.gz)
add_custom_target(package_files ALL
  DEPENDS ${CMAKE_BINARY_DIR}/metaflowfs.1.gz ${CMAKE_BINARY_DIR}/changelog.Debian.gz)

install(TARGETS metaflowfs RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# By these names it is what mount(8) calls.
foreach(name mount.metaflowfs mount.fuse.metaflowfs)
  file(CREATE_LINK ../bin/metaflowfs ${CMAKE_BINARY_DIR}/${name} SYMBOLIC)
  install(FILES ${CMAKE_BINARY_DIR}/${name} DESTINATION ${CMAKE_INSTALL_SBINDIR})
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/metaflowfs.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
file(CREATE_LINK ../man1/metaflowfs.1.gz ${CMAKE_BINARY_DIR}/mount.metaflowfs.8.gz SYMBOLIC)
install(FILES ${CMAKE_BINARY_DIR}/mount.metaflowfs.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES completions/metaflowfs.bash RENAME metaflowfs
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# zsh looks into different folders below /usr and elsewhere.
install(CODE "
  set(folder site-functions)
  if(CMAKE_INSTALL_PREFIX MATCHES \"/usr/?$\")
    set(folder vendor-completions)
  endif()
  file(INSTALL ${CMAKE_SOURCE_DIR}/completions/_metaflowfs TYPE FILE
    DESTINATION \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${folder})")
install(FILES completions/metaflowfs.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES packaging/metaflowfs@.service DESTINATION lib/systemd/user)
install(DIRECTORY packaging/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/debian/copyright ${CMAKE_BINARY_DIR}/changelog.Debian.gz DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_CONTACT "metaflowfs maintainers <maintainers@metaflowfs.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Metaflow's flows, runs and artifacts as files")
set(CPACK_PACKAGE_DESCRIPTION "A FUSE file system that shows Metaflow as directories and files: flows, runs,
steps, tasks and artifacts, from a local datastore or S3, with local metadata
or a metadata service. Nothing is executed: pickles are read by a reader of its
own. Job files that are saved in it run on AWS Batch.")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_DEPENDS fuse3)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
