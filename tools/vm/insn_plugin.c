// SPDX-License-Identifier: MIT
// Counts the instructions of an ARM program in qemu-user 7.2: qemu-arm -plugin insn_plugin.so,log=FILE
// FILE gets one text line "w COUNT" for each write to file descriptor 1 (the state of the count when
// the program makes the system call) and at the end "end COUNT". The plugin API of qemu 7.2 and the
// few functions of the C library are declared by hand: it compiles without any header.
typedef unsigned long size_t;
typedef unsigned long u64;
typedef long i64;
typedef u64 qemu_plugin_id_t;
struct qemu_plugin_tb;
typedef struct file FILE;

FILE *fopen(const char *path, const char *mode);
int fprintf(FILE *file, const char *format, ...);
int fclose(FILE *file);
int strncmp(const char *a, const char *b, size_t n);

enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, u64);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, unsigned, i64, u64, u64,
    u64, u64, u64, u64, u64, u64));
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);

int qemu_plugin_version = 1;
static u64 count;
static FILE *out;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &count, qemu_plugin_tb_n_insns(tb));
}

static void system_call(qemu_plugin_id_t id, unsigned cpu, i64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5,
    u64 a6, u64 a7, u64 a8)
{
    if (number == 4 && a1 == 1) // write to standard output, on 32-bit ARM
        fprintf(out, "w %lu\n", count);
}

static void at_exit(qemu_plugin_id_t id, void *unused)
{
    fprintf(out, "end %lu\n", count);
    fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
    const char *path = "/dev/stderr";
    for (int i = 0; i < argc; i++)
        if (!strncmp(argv[i], "log=", 4))
            path = argv[i] + 4;
    out = fopen(path, "w");
    if (!out)
        return 1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, system_call);
    qemu_plugin_register_atexit_cb(id, at_exit, 0);
    return 0;
}
