/* A sound card for tests: an external PCM plugin of alsa-lib (its interface is C) that a test can break on purpose.
 *
 * It keeps time like a card: frame n since the start is due at start + n / rate s of CLOCK_MONOTONIC_RAW, in a ring that
 * overruns. Each frame carries the time of its capture in frames since boot (modulo 2^32), like synthwire's exact "counter"
 * source: even channels carry the low 16 bits, odd channels the high 16, exclusive-or (channel >> 1) * 0x1111. So the length of a
 * gap is the difference between the two counts beside it, whatever the service reports.
 *
 *     pcm.card { type synthcard folder "/tmp/x" format S24_3LE channels 8 access mmap }
 *
 * Files in the folder are its switches: "absent" (no such device), "busy" (EBUSY), "unplugged" (ENODEV while running), "silent"
 * (no frame and no error), "suspended" (ESTRPIPE), "broken" and "full" (it opens, but starting fails with EIO or ENOSPC),
 * "overrun" (EPIPE for any request). With access rw it refuses mmap.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    snd_pcm_ioplug_t io;
    char folder[256];
    unsigned rate;
    uint64_t first;   /* the clock's frame at the start */
    uint64_t written; /* frames put into the mapped ring since the start */
} card_t;

static int switched_on(const card_t *card, const char *name) {
    char path[320];
    snprintf(path, sizeof path, "%s/%s", card->folder, name);
    return access(path, F_OK) == 0;
}

static uint64_t frames_now(unsigned rate) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * rate + (uint64_t)now.tv_nsec * rate / 1000000000u;
}

/* Stores one sample in the format; bytes that the format does not define get garbage. */
static void store(snd_pcm_format_t format, int16_t sample, uint8_t *at) {
    const uint16_t bits = (uint16_t)sample;
    const float real = (float)sample / 32768.0f;
    switch (format) {
    case SND_PCM_FORMAT_S32_LE: at[0] = at[1] = 0; at += 2; break;
    case SND_PCM_FORMAT_S24_3LE: at[0] = 0; at += 1; break;
    case SND_PCM_FORMAT_S24_LE: at[0] = 0; at[3] = 0x5a; at += 1; break;
    case SND_PCM_FORMAT_FLOAT_LE: memcpy(at, &real, sizeof real); return;
    default: break;
    }
    at[0] = (uint8_t)bits;
    at[1] = (uint8_t)(bits >> 8);
}

static void fill(card_t *card, const snd_pcm_channel_area_t *areas, uint64_t number, snd_pcm_uframes_t offset) {
    const uint32_t count = (uint32_t)(card->first + number);
    for (unsigned channel = 0; channel < card->io.channels; channel++) {
        const uint32_t half = channel % 2 ? count >> 16 : count;
        uint8_t *base = areas[channel].addr;
        store(card->io.format, (int16_t)(half ^ (channel >> 1) * 0x1111u),
              base + (areas[channel].first + offset * areas[channel].step) / 8);
    }
}

static int start(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    const long period_ns = (long)(io->period_size * 1000000000ull / card->rate);
    const struct itimerspec every = {{0, period_ns}, {0, period_ns}};
    card->first = frames_now(card->rate);
    card->written = 0;
    if (switched_on(card, "broken")) return -EIO;
    if (switched_on(card, "full")) return -ENOSPC;
    return timerfd_settime(io->poll_fd, 0, &every, NULL) ? -errno : 0;
}

static int stop(snd_pcm_ioplug_t *io) {
    const struct itimerspec never = {{0, 0}, {0, 0}};
    timerfd_settime(io->poll_fd, 0, &never, NULL);
    return 0;
}

/* Whether the PCM has left the state in which it ran. */
static int notice_switches(snd_pcm_ioplug_t *io) {
    const card_t *card = io->private_data;
    if (switched_on(card, "unplugged")) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
    } else if (switched_on(card, "suspended")) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
    } else {
        return 0;
    }
    return 1;
}

/* The position in the ring. alsa-lib treats any negative answer as an overrun, so other failures are states of the PCM. */
static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
    card_t *card = io->private_data;
    if (switched_on(card, "overrun")) return -EPIPE;
    if (!notice_switches(io) && !switched_on(card, "silent")) {
        const uint64_t due = frames_now(card->rate) - card->first;
        if (due - card->written >= snd_pcm_ioplug_hw_avail(io, io->hw_ptr, io->appl_ptr)) return -EPIPE;
        const snd_pcm_channel_area_t *areas = io->mmap_rw ? snd_pcm_ioplug_mmap_areas(io) : NULL;
        for (; areas && card->written < due; card->written++) fill(card, areas, card->written, card->written % io->buffer_size);
        card->written = due;
    }
    return (snd_pcm_sframes_t)(card->written % io->buffer_size);
}

/* Like most drivers it cannot resume: after it has woken, the caller must prepare it again. */
static int resume(snd_pcm_ioplug_t *io) {
    return switched_on(io->private_data, "suspended") ? -EAGAIN : -ENOSYS;
}

/* Reads without mmap: the frames are made when they are fetched. */
static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t size) {
    card_t *card = io->private_data;
    const uint64_t from = card->written - snd_pcm_ioplug_avail(io, io->hw_ptr, io->appl_ptr);
    for (snd_pcm_uframes_t i = 0; i < size; i++) fill(card, areas, from + i, offset + i);
    return (snd_pcm_sframes_t)size;
}

/* Reports an event that alsa-lib's wait turns into an error, because alsa-lib does not look at the state alone. */
static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *descriptors, unsigned number, unsigned short *revents) {
    uint64_t expired;
    (void)number;
    if (descriptors[0].revents & POLLIN && read(io->poll_fd, &expired, sizeof expired) < 0 && errno != EAGAIN) return -errno;
    *revents = descriptors[0].revents;
    if (notice_switches(io)) *revents |= POLLERR;
    return 0;
}

static int close_card(snd_pcm_ioplug_t *io) {
    close(io->poll_fd);
    free(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t mapped = {
    .start = start, .stop = stop, .pointer = pointer, .resume = resume, .poll_revents = poll_revents, .close = close_card,
};
static const snd_pcm_ioplug_callback_t read_only = {
    .start = start, .stop = stop, .pointer = pointer, .resume = resume, .transfer = transfer,
    .poll_revents = poll_revents, .close = close_card,
};

/* The card's abilities: one format, one number of channels, one rate, and any period, or only the given one. */
typedef struct {
    snd_pcm_format_t format;
    unsigned channels, rate, period;
} offer_t;

static int constrain(snd_pcm_ioplug_t *io, offer_t offer, int offers_mmap) {
    const unsigned frame_bytes = offer.channels * (unsigned)snd_pcm_format_physical_width(offer.format) / 8;
    const unsigned least = offer.period ? offer.period * frame_bytes : 64, most = offer.period ? least : 1 << 22;
    const unsigned access[] = {offers_mmap ? SND_PCM_ACCESS_MMAP_INTERLEAVED : SND_PCM_ACCESS_RW_INTERLEAVED};
    const unsigned formats[] = {(unsigned)offer.format};
    int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access);
    if (!error) error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, offer.channels, offer.channels);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, offer.rate, offer.rate);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, least, most);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 2 * least, 1 << 25);
    if (!error) error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 1024);
    return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(synthcard) {
    const char *folder = "", *format = "S32_LE", *access_name = "mmap";
    long channels = 2, rate = 44100, period = 0;
    snd_config_iterator_t i, next;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *n = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(n, &id) < 0) continue;
        if (!strcmp(id, "folder")) snd_config_get_string(n, &folder);
        if (!strcmp(id, "format")) snd_config_get_string(n, &format);
        if (!strcmp(id, "access")) snd_config_get_string(n, &access_name);
        if (!strcmp(id, "channels")) snd_config_get_integer(n, &channels);
        if (!strcmp(id, "rate")) snd_config_get_integer(n, &rate);
        if (!strcmp(id, "period")) snd_config_get_integer(n, &period);
    }
    if (stream != SND_PCM_STREAM_CAPTURE) return -EINVAL;

    card_t *card = calloc(1, sizeof *card);
    if (!card) return -ENOMEM;
    snprintf(card->folder, sizeof card->folder, "%s", folder);
    card->rate = (unsigned)rate;
    const int offers_mmap = strcmp(access_name, "rw") != 0;
    int error = switched_on(card, "absent") ? -ENOENT : switched_on(card, "busy") ? -EBUSY : 0;
    if (error) {
        free(card);
        return error;
    }
    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "A card that is not there";
    card->io.flags = SND_PCM_IOPLUG_FLAG_LISTED | SND_PCM_IOPLUG_FLAG_MONOTONIC;
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    card->io.poll_events = POLLIN;
    card->io.mmap_rw = offers_mmap;
    card->io.callback = offers_mmap ? &mapped : &read_only;
    card->io.private_data = card;
    error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (error < 0) {
        close(card->io.poll_fd);
        free(card);
        return error;
    }
    error = constrain(&card->io, (offer_t){snd_pcm_format_value(format), (unsigned)channels, (unsigned)rate, (unsigned)period}, offers_mmap);
    if (error < 0) {
        snd_pcm_ioplug_delete(&card->io); /* frees the card too */
        return error;
    }
    *pcmp = card->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(synthcard);
