// How a program of a root that is not `/` is started.
#ifndef CAISSON_PROGRAM_H
#define CAISSON_PROGRAM_H

// `path` lies in `root`. Returns only when it fails, with errno.
void caisson_execute_in(const char *root, const char *path, char *const *words, char *const *environment);

#endif
