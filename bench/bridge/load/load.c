// Entry of the load generator: reads the plan, starts the far side, runs the client.
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

bool is_elsewhere(const struct plan *plan) {
  return strcmp(plan->far, "elsewhere") == 0;
}

void ready(void) {
  printf("ready\n");
  fflush(stdout);
}

void wait_for_starter(void) {
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
}

int main(int argc, char **argv) {
  if (argc != 9) {
    fprintf(stderr, "usage: load MODE FAR NEAR CONNECTIONS SIZE HOLD-MS WARM-MS WINDOW-MS\n");
    return 64;
  }
  struct plan plan = {argv[1],       argv[2],       argv[3],       atoi(argv[4]),
                      atoi(argv[5]), atoi(argv[6]), atoi(argv[7]), atoi(argv[8])};
  signal(SIGPIPE, SIG_IGN);
  if (!is_elsewhere(&plan)) start_far_side(&plan);
  if (strcmp(plan.mode, "serve") == 0) {
    ready();
    wait_for_starter();
  } else if (strcmp(plan.mode, "idle") == 0) {
    run_idle(&plan);
  } else if (strcmp(plan.mode, "offer") == 0) {
    run_offer(&plan);
  } else {
    run_client(&plan);
  }
  return 0;
}
