// A program names what starts it by an absolute path: its loader, or the interpreter of a script. The kernel would take the machine's; here the
// image's own is put before it. What cannot be told so are paths that the program has in itself.
#include "program.h"
#include "../pid1/pid1.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// Chosen: as many scripts that start each other as the kernel takes.
enum { head_bytes = 4096, most_words = 2048, path_bytes = 4096, most_scripts = 4 };

#if defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "x86_64-linux-gnu"
#endif

// Given: where ld.so of Debian, Red Hat and Alpine looks, and where a runtime of ours lies.
static const char *const folders[] = {"/usr/local/lib", "/lib/" MULTIARCH, "/usr/lib/" MULTIARCH, "/lib64",
                                      "/usr/lib64",     "/lib",            "/usr/lib",            "/usr/lib/caisson/runtime/lib"};

static const char *find_libraries(const char *root) {
  static char list[(sizeof folders / sizeof *folders) * 1024];
  size_t used = 0;
  for (size_t at = 0; at < sizeof folders / sizeof *folders; at += 1) {
    int length = snprintf(list + used, sizeof list - used, "%s%s%s", used == 0 ? "" : ":", root, folders[at]);
    if (length < 0 || (size_t)length >= sizeof list - used) return NULL;
    used += (size_t)length;
  }
  return list;
}

// Of the program's first part; NULL: none is asked for, or it is no such program.
static const char *find_loader(const char *head, size_t bytes) {
  Elf64_Ehdr elf;
  if (bytes < sizeof elf) return NULL;
  memcpy(&elf, head, sizeof elf);
  if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64) return NULL;
  for (size_t at = 0; at < elf.e_phnum; at += 1) {
    Elf64_Phdr part;
    size_t from = elf.e_phoff + at * sizeof part;
    if (elf.e_phentsize != sizeof part || from > bytes || bytes - from < sizeof part) return NULL;
    memcpy(&part, head + from, sizeof part);
    if (part.p_type != PT_INTERP) continue;
    bool fits = part.p_offset < bytes && part.p_filesz > 0 && part.p_filesz <= bytes - part.p_offset;
    return fits && head[part.p_offset + part.p_filesz - 1] == '\0' ? head + part.p_offset : NULL;
  }
  return NULL;
}

// words[0] is what the program was called by; those who start it for us are called by their own paths. False: too many.
static bool join(const char **all, const char *const *first, const char *path, char *const *words) {
  size_t count = 0;
  for (; *first != NULL; first += 1) all[count++] = *first;
  all[count++] = path;
  for (words += *words == NULL ? 0 : 1; *words != NULL; words += 1) {
    if (count + 1 == most_words) return false;
    all[count++] = *words;
  }
  all[count] = NULL;
  return true;
}

static char *read_head(const char *path, size_t *bytes) {
  static char head[head_bytes];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  // A program that may be run and not read is the kernel's to judge.
  ssize_t got = fd < 0 ? 0 : read(fd, head, sizeof head - 1);
  if (fd >= 0) close(fd);
  *bytes = got < 0 ? 0 : (size_t)got;
  head[*bytes] = '\0';
  return head;
}

static void execute_loaded(const char *root, const char *loader, const char *path, char *const *words, char *const *environment) {
  static const char *all[most_words];
  static char first[path_bytes];
  const char *libraries = find_libraries(root);
  errno = ENAMETOOLONG;
  if (libraries == NULL || snprintf(first, sizeof first, "%s%s", root, loader) >= (int)sizeof first) return;
  if (access(first, X_OK) < 0) {
    caisson_say("%s needs %s, which the image lacks", path, loader);
    return;
  }
  // glibc's would also look into the machine's list of libraries; musl's has none and knows no such word.
  bool is_glibc = strstr(loader, "ld-linux") != NULL;
  const char *const glibc[] = {first, "--inhibit-cache", "--library-path", libraries, NULL};
  const char *const other[] = {first, "--library-path", libraries, NULL};
  errno = E2BIG;
  if (join(all, is_glibc ? glibc : other, path, words)) execve(first, (char *const *)(uintptr_t)all, environment);
}

void caisson_execute_in(const char *root, const char *path, char *const *words, char *const *environment) {
  static const char *all[most_scripts][most_words];
  static char texts[most_scripts][path_bytes];
  for (size_t depth = 0; depth < most_scripts; depth += 1) {
    size_t bytes;
    char *head = read_head(path, &bytes);
    const char *loader = find_loader(head, bytes);
    if (loader != NULL) return execute_loaded(root, loader, path, words, environment);
    if (strncmp(head, "#!", 2) != 0) break;
    char *line = head + 2 + strspn(head + 2, " \t");
    line[strcspn(line, "\n")] = '\0';
    size_t length = strcspn(line, " \t");
    char *option = line + length + strspn(line + length, " \t");
    char *text = texts[depth];
    int used = snprintf(text, path_bytes, "%s%.*s", root, (int)length, line);
    // A script whose interpreter the image lacks is the kernel's to start, with the machine's.
    if (used >= path_bytes || access(text, X_OK) < 0) break;
    // As the kernel has it: all that follows is one word.
    char *kept = text + used + 1;
    if (snprintf(kept, (size_t)(path_bytes - used - 1), "%s", option) >= path_bytes - used - 1) break;
    const char *const first[] = {text, *kept == '\0' ? NULL : kept, NULL};
    errno = E2BIG;
    if (!join(all[depth], first, path, words)) return;
    path = text;
    words = (char *const *)(uintptr_t)all[depth];
  }
  execve(path, words, environment);
}
