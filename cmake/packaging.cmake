# Where everything goes: `cmake --install` with DESTDIR, from which ./dev package makes the Debian package. Paths are
# those of Debian 12 (merged /usr) and not relative to a prefix: units, hooks and drop-ins are looked for there alone.
set(from ${PROJECT_SOURCE_DIR}/packaging)
install(TARGETS lineage DESTINATION /usr/bin)
install(TARGETS lineaged DESTINATION /usr/sbin)
if(TARGET lineage-early)
  install(TARGETS lineage-early DESTINATION /usr/sbin)
endif()
file(GLOB pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.[1-8])
foreach(page IN LISTS pages)
  string(REGEX MATCH "[1-8]$" section ${page})
  install(FILES ${page} DESTINATION /usr/share/man/man${section})
endforeach()

install(FILES ${from}/systemd/lineaged.service DESTINATION /usr/lib/systemd/system)
install(FILES ${from}/systemd/lineage.sysusers RENAME lineage.conf DESTINATION /usr/lib/sysusers.d)
install(FILES ${from}/systemd/lineage.tmpfiles RENAME lineage.conf DESTINATION /usr/lib/tmpfiles.d)
install(FILES ${from}/systemd/journald.conf RENAME 50-lineage.conf DESTINATION /usr/lib/systemd/journald.conf.d)
install(FILES ${from}/systemd/journald-audit.socket.conf RENAME lineage.conf
        DESTINATION /usr/lib/systemd/system/systemd-journald-audit.socket.d)
install(FILES ${from}/lineage.toml DESTINATION /etc/lineage)
install(FILES ${from}/grub/lineage.cfg DESTINATION /etc/default/grub.d)
install(PROGRAMS ${from}/initramfs-tools/hook RENAME lineage DESTINATION /usr/share/initramfs-tools/hooks)
install(PROGRAMS ${from}/dracut/module-setup.sh DESTINATION /usr/lib/dracut/modules.d/02lineage)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64") # the names of system calls differ
  # A link, which goes when the package goes. A file would be a conffile: it stays, and augenrules loads it for nobody.
  install(FILES ${from}/audit/00-lineage.rules DESTINATION /usr/share/lineage)
  install(CODE "file(MAKE_DIRECTORY \"\$ENV{DESTDIR}/etc/audit/rules.d\")
                file(CREATE_LINK /usr/share/lineage/00-lineage.rules \"\$ENV{DESTDIR}/etc/audit/rules.d/00-lineage.rules\" SYMBOLIC)")
endif()
