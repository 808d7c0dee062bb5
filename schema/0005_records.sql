-- Version 5: events that are kept as they came (model/kept_event.hpp), on the process that they are about.
--
-- A row an event, compressed by itself: it can then be moved to another owner, and go with it. What makes that small is
-- the dictionary, which holds what audit records have in common: a LOGIN event of 644 bytes takes 267, a USER_START of
-- 235 takes 66.
CREATE TABLE record (
    id      INTEGER PRIMARY KEY,
    owner   INTEGER NOT NULL,  -- process.id; pid 0's where the records name nobody
    time_ns INTEGER NOT NULL,
    serial  INTEGER NOT NULL,
    kind    INTEGER NOT NULL,  -- record_kind.id
    bytes   BLOB NOT NULL      -- the text as one zstd frame, by the dictionary
);
CREATE INDEX record_owner ON record (owner);
CREATE INDEX record_kind_owner ON record (kind, owner);
-- `trace` and PROC by TIME:SERIAL.
CREATE INDEX record_serial ON record (serial);

-- Which records an event has, and under which key it was recorded. Few, as rules are; never deleted.
CREATE TABLE record_kind (
    id    INTEGER PRIMARY KEY,
    types TEXT NOT NULL,  -- each once, in the order in which they came: "AVC SYSCALL PROCTITLE"
    key   TEXT NOT NULL   -- several with 0x01 between them
);

-- What [records] max_size bounds: the rows' bytes, and 64 for each for what stands around them. However a row goes,
-- it is right.
CREATE TABLE record_size (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    bytes INTEGER NOT NULL
);
INSERT INTO record_size VALUES (1, 0);
CREATE TRIGGER record_added AFTER INSERT ON record BEGIN
    UPDATE record_size SET bytes = bytes + length(new.bytes) + 64;
END;
CREATE TRIGGER record_gone AFTER DELETE ON record BEGIN
    UPDATE record_size SET bytes = bytes - length(old.bytes) - 64;
END;

-- zstd's raw dictionary for record.bytes. What recurs most stands last, where it is reached by the shortest offsets. It
-- is part of the format: another one would be a new row, and a new column in `record`.
CREATE TABLE record_dictionary (
    id    INTEGER PRIMARY KEY,
    bytes TEXT NOT NULL
);
INSERT INTO record_dictionary VALUES (1, '
type=DAEMON_START msg=audit( op=start ver=3.0.9 format=enriched kernel= auid=4294967295 pid= uid=0 ses=4294967295 subj=unconfined res=success
type=INTEGRITY_PCR msg=audit( type=KERN_MODULE msg=audit( name="nf_tables" type=BPF msg=audit( prog-id= op=LOAD op=UNLOAD
type=NETFILTER_CFG msg=audit( table=filter family=2 entries= op=nft_register_rule pid= subj=unconfined comm="nft"
type=ANOM_PROMISCUOUS msg=audit( dev=eth0 prom=256 old_prom=0 auid=4294967295 uid=0 gid=0 ses=4294967295
type=MAC_STATUS msg=audit( enforcing=1 old_enforcing=0 auid=1000 ses=1 enabled=1 old-enabled=1 lsm=selinux res=1
type=TTY msg=audit( tty pid= uid=0 auid=1000 ses=1 major=136 minor=0 comm="bash" data=
type=SOCKADDR msg=audit( saddr=0200 SADDR={ saddr_fam=inet laddr= lport= }
type=USER_CMD msg=audit( msg=''cwd="/home/ cmd= exe="/usr/bin/sudo" terminal=pts/0 res=success''
type=ADD_USER msg=audit( op=add-user acct= id= exe="/usr/sbin/useradd" hostname=? addr=? terminal=pts/0 res=success''
type=USER_CHAUTHTOK type=USER_MGMT type=ADD_GROUP type=DEL_USER type=GRP_MGMT type=ROLE_ASSIGN type=USER_ROLE_CHANGE
type=SOFTWARE_UPDATE msg=audit( sw= sw_type=deb key_enforce=0 gpg_res=0 root_dir="/" comm="dpkg"
type=CRYPTO_KEY_USER msg=audit( msg=''op=destroy kind=server fp=SHA256: direction=? spid= suid=0  exe="/usr/sbin/sshd" hostname=? addr=? terminal=? res=success''
type=CRYPTO_SESSION msg=audit( msg=''op=start direction=from-server cipher=chacha20-poly1305@openssh.com ksize=512 mac=<implicit> pfs=curve25519-sha256 spid= suid=0 rport= laddr= lport=22 
type=AVC msg=audit( apparmor="DENIED" operation="open" class="file" profile="/usr/sbin/ name="/proc/ pid= comm="cupsd" requested_mask="r" denied_mask="r" fsuid=0 ouid=0
type=AVC msg=audit( avc:  denied  { read write open getattr } for  pid= comm=" name=" path="/ dev="dm-0" ino= scontext=system_u:system_r:unconfined_service_t:s0 tcontext=system_u:object_r:var_log_t:s0 tclass=file permissive=0
type=USER_AVC msg=audit( msg=''avc:  denied  { status }
type=ANOM_ABEND msg=audit( auid=1000 uid=1000 gid=1000 ses=1 subj=unconfined pid= comm=" exe="/usr/bin/ sig=11 res=1
type=SECCOMP msg=audit( auid=1000 uid=1000 gid=1000 ses=1 subj=unconfined pid= comm=" exe="/usr/bin/ sig=31 arch=c000003e syscall= compat=0 ip=0x7f code=0x80000000
type=CONFIG_CHANGE msg=audit( op=set audit_enabled=1 old=1 auid=4294967295 ses=4294967295 subj=unconfined res=1
type=CONFIG_CHANGE msg=audit( auid=1000 ses=1 subj=unconfined op=add_rule key=" op=remove_rule list=4 res=1
type=SERVICE_STOP msg=audit( pid=1 uid=0 auid=4294967295 ses=4294967295 subj=unconfined msg=''unit=systemd-
type=SERVICE_START msg=audit( pid=1 uid=0 auid=4294967295 ses=4294967295 subj=unconfined msg=''unit= comm="systemd" exe="/usr/lib/systemd/systemd" hostname=? addr=? terminal=? res=success''
type=USER_LOGIN msg=audit( msg=''op=login id=1000 exe="/usr/sbin/sshd" hostname= addr= terminal=/dev/pts/0 res=success''
type=USER_AUTH msg=audit( msg=''op=PAM:authentication grantors=pam_permit,pam_unix acct=" exe="/usr/bin/su" hostname=? addr=? terminal=/dev/pts/0 res=failed''
type=USER_ACCT msg=audit( msg=''op=PAM:accounting grantors=pam_permit,pam_localuser acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success''
type=CRED_REFR type=CRED_ACQ msg=audit( msg=''op=PAM:setcred grantors=pam_permit acct="root" exe="/usr/sbin/sshd" hostname= addr= terminal=ssh res=success''
type=CRED_DISP type=USER_END msg=audit( pid= uid=0 auid=1000 ses=1 subj=unconfined msg=''op=PAM:session_close grantors=pam_loginuid,pam_keyinit,pam_permit,pam_umask,pam_unix,pam_systemd,pam_mail,pam_limits,pam_env,pam_selinux acct="root"
type=USER_START msg=audit( pid= uid=0 auid=1000 ses=1 subj=unconfined msg=''op=PAM:session_open grantors=pam_loginuid,pam_keyinit,pam_permit,pam_umask,pam_unix,pam_systemd acct="root" exe="/usr/sbin/cron" hostname=? addr=? terminal=cron res=success''
type=LOGIN msg=audit( pid= uid=0 subj=unconfined old-auid=4294967295 auid=0 tty=(none) old-ses=4294967295 ses=1 res=1
type=USER msg=audit( pid= uid=0 auid=4294967295 ses=4294967295 subj=unconfined msg=''text= exe="/usr/sbin/auditctl" hostname=? addr=? terminal=pts/0 res=success''
type=OBJ_PID msg=audit( opid= oauid=1000 ouid=1000 oses=1 obj=unconfined ocomm="
type=EXECVE msg=audit( argc=3 a0="sh" a1="-c" a2=
type=CWD msg=audit( cwd="/root" cwd="/home/
type=PATH msg=audit( item=1 name="/lib64/ld-linux-x86-64.so.2" inode= dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
type=PATH msg=audit( item=0 name="/etc/ inode= dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE nametype=DELETE nametype=PARENT cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
type=PROCTITLE msg=audit( proctitle=
type=SYSCALL msg=audit( arch=40000003 syscall= success=no exit=-13 a0=ffffff9c 
type=SYSCALL msg=audit( arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7ff a2=0 a3=0 items=1 ppid= pid= auid=4294967295 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4294967295 comm="sshd" exe="/usr/sbin/sshd" subj=unconfined key=(null)
type=SYSCALL msg=audit( arch=c000003e syscall=1 success=yes exit=1 a0=3 a1=7ff a2=1 a3=0 items=0 ppid=1 pid= auid=1000 uid=1000 gid=1000 euid=1000 suid=1000 fsuid=1000 egid=1000 sgid=1000 fsgid=1000 tty=pts0 ses=1 comm="bash" exe="/usr/bin/bash" subj=unconfined key="
');
