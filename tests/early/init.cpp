// early_init: stands for the real init in a root where nothing else is. Says what it was handed: its arguments, one
// word of its environment, its open descriptors.
#include <fcntl.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    for (int i = 0; i < argc; ++i) std::printf("argument %s\n", argv[i]);
    const char* const word = std::getenv("EARLY_TEST");
    std::printf("environment %s\n", word == nullptr ? "" : word);
    for (int fd = 0; fd < 64; ++fd)
        if (::fcntl(fd, F_GETFD) >= 0) std::printf("descriptor %d\n", fd);
    return 0;
}
