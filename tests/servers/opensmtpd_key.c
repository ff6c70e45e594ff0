/* Mends OpenSMTPD 6.8 on OpenSSL 3 so that it can speak TLS as a server; preloaded by opensmtpd.py.
 *
 * The process that talks TLS holds no private key, only its name as extra data 0 of a public RSA key, and asks
 * another process to sign. OpenSSL 3 works on a copy of that key, and the copy has no extra data: "missing
 * private key", whatever the key. Here the copy is told the name. Compiled by unpack.sh without any header. */

typedef struct rsa_st RSA;
void *dlsym(void *, const char *);
#define NEXT ((void *)-1L) /* RTLD_NEXT */

static void *name;

int RSA_set_ex_data(RSA *key, int index, void *value)
{
    int (*original)(RSA *, int, void *) = dlsym(NEXT, "RSA_set_ex_data");
    if (index == 0 && value)
        name = value;
    return original(key, index, value);
}

void *RSA_get_ex_data(const RSA *key, int index)
{
    void *(*original)(const RSA *, int) = dlsym(NEXT, "RSA_get_ex_data");
    void *found = original(key, index);
    return found || index ? found : name;
}
