#!/bin/bash
# Puts lineage-early into the initramfs, where rdinit=/usr/sbin/lineage-early starts it as the first process of all; and
# keeps the journald in there from switching audit off.

check() {
    require_binaries /usr/sbin/lineage-early || return 1
    return 0
}

depends() {
    return 0
}

install() {
    inst_binary /usr/sbin/lineage-early
    inst_simple /usr/lib/systemd/journald.conf.d/50-lineage.conf
    return 0
}
