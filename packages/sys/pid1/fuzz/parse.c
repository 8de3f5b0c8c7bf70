// The parser of `start` alone, as a plain program for AddressSanitizer: chunks of u16 BE length and bytes come on standard
// input, each is parsed in memory of exactly its size, so that one byte too far is seen. Prints how many were sound.
#include "../pid1.h"
#include "../start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What become.c and its neighbours call; nothing is started here.
void caisson_say(const char *format, ...) { (void)format; }

int main(void) {
  static struct caisson_start start;
  unsigned long parsed = 0, sound = 0, total = 0;
  for (int high, low; (high = getchar()) != EOF && (low = getchar()) != EOF; total += 1) {
    size_t length = (size_t)(high << 8 | low);
    unsigned char *bytes = malloc(length);
    if (bytes == NULL || fread(bytes, 1, length, stdin) != length) return 2;
    struct caisson_fields fields = {bytes, bytes + length, false};
    struct caisson_failure failure;
    if (caisson_parse_start(&fields, &start, &failure)) {
      parsed += 1;
      sound += failure.error == 0;
      // Every text must end inside of the frame.
      size_t used = strlen(start.name) + strlen(start.cwd) + strlen(start.cgroup);
      for (char **word = start.words; *word != NULL; word += 1) used += strlen(*word);
      for (char **one = start.environment; *one != NULL; one += 1) used += strlen(*one);
      if (used > length) return 3;
    }
    free(bytes);
  }
  printf("total %lu parsed %lu sound %lu\n", total, parsed, sound);
  return 0;
}
