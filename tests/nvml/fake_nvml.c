/* A library that answers as NVIDIA's libnvidia-ml.so.1, for machines without an NVIDIA GPU.
 *
 * SDOPS_FAKE_NVML chooses who it is: gtx1660, rtx4090, rtx5090, h100-ecc, lost, two, or, for its
 * failures, mismatch, not-loaded, broken (each call fails), broken-gpu (each call on a GPU fails),
 * hang (nvmlInit never returns), hang-gpu (a GPU's temperature never comes), crash.
 *
 * Only what sdops asks is here, with the signatures and error codes of nvml.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK, UNINITIALIZED, INVALID, UNSUPPORTED, SMALL = 7, NOT_LOADED = 9, LOST = 15,
       MISMATCH = 18, UNKNOWN = 999 };
#define GIB (1024ULL * 1024 * 1024)
#define MISSING (-1)

typedef struct {
    const char *name, *uuid, *bus;
    unsigned pci_device; /* device in the upper half, vendor in the lower */
    int major, minor;
    unsigned long long total, free;
    int temperature, slowdown, power_mw, limit_mw, default_limit_mw;
    unsigned long long throttle;
    int generation, width, max_generation, max_width;
    int ecc; /* MISSING on cards without it: then the rows below are not supported either */
    unsigned long long volatile_uncorrected, uncorrected, corrected;
    int rows_corrected, rows_uncorrected, remap_pending, remap_failed;
    int recovery, persistence, display, mig;
    unsigned pid; /* 0: nobody holds memory */
    unsigned long long held;
    int lost;
} Gpu;

typedef struct {
    const char *who, *driver;
    int cuda, init, count;
    Gpu gpus[2];
} Personality;

#define GTX1660 {"NVIDIA GeForce GTX 1660", "GPU-1660aaaa-0000-4000-8000-000000000001", \
    "00000000:01:00.0", 0x218410DE, 7, 5, 6 * GIB, 5 * GIB, 41, 96, 9000, 120000, 120000, 1, \
    1, 16, 3, 16, MISSING, 0, 0, 0, 0, 0, 0, 0, MISSING, 0, 1, MISSING, 0, 0, 0}
#define RTX4090 {"NVIDIA GeForce RTX 4090", "GPU-4090aaaa-0000-4000-8000-000000000001", \
    "00000000:01:00.0", 0x268410DE, 8, 9, 24 * GIB, 23 * GIB, 38, 100, 22000, 450000, 450000, 1, \
    1, 16, 4, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, MISSING, 0, 0, 0}
#define RTX5090 {"NVIDIA GeForce RTX 5090", "GPU-5090aaaa-0000-4000-8000-000000000001", \
    "00000000:02:00.0", 0x2B8510DE, 12, 0, 32 * GIB, 31 * GIB, 36, 100, 28000, 400000, 575000, 1, \
    1, 16, 5, 16, MISSING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, MISSING, 0, 0, 0}
#define H100 {"NVIDIA H100 80GB HBM3", "GPU-0100aaaa-0000-4000-8000-000000000001", \
    "00000000:18:00.0", 0x233010DE, 9, 0, 80 * GIB, 70 * GIB, 88, 87, 640000, 700000, 700000, \
    0x48, 5, 16, 5, 16, 1, 3, 17, 204, 1, 2, 1, 0, 1, 1, 0, 0, 4194000, 9 * GIB, 0}
#define GONE {"NVIDIA GeForce RTX 3090", "GPU-3090aaaa-0000-4000-8000-000000000001", \
    "00000000:03:00.0", 0x220410DE, 8, 6, 24 * GIB, 24 * GIB, 0, 98, 0, 350000, 350000, 0, \
    1, 16, 4, 16, MISSING, 0, 0, 0, 0, 0, 0, 0, MISSING, 0, 0, MISSING, 0, 0, 1}

static const Personality personalities[] = {
    {"gtx1660", "550.120", 12040, OK, 1, {GTX1660}},
    {"rtx4090", "580.65.06", 13000, OK, 1, {RTX4090}},
    {"rtx5090", "570.86.10", 12080, OK, 1, {RTX5090}},
    {"h100-ecc", "570.124.06", 12080, OK, 1, {H100}},
    {"lost", "550.120", 12040, OK, 1, {GONE}},
    {"two", "570.86.10", 12080, OK, 2, {GTX1660, RTX5090}},
    {"broken-gpu", "550.120", 12040, OK, 1, {RTX4090}},
    {"hang-gpu", "550.120", 12040, OK, 1, {RTX4090}},
    {"mismatch", NULL, 0, MISMATCH, 0, {{0}}},
    {"not-loaded", NULL, 0, NOT_LOADED, 0, {{0}}},
    {"broken", NULL, 0, UNKNOWN, 0, {{0}}},
};

static int is(const char *who) {
    const char *chosen = getenv("SDOPS_FAKE_NVML");
    return chosen && strcmp(chosen, who) == 0;
}

static const Personality *self(void) {
    size_t i;
    for (i = 0; i < sizeof personalities / sizeof *personalities; i++)
        if (is(personalities[i].who)) return &personalities[i];
    return &personalities[10];
}

static void sleep_forever(void) {
    for (;;) pause();
}

static int text(char *to, unsigned size, const char *from) {
    if (!from) return UNKNOWN;
    if (strlen(from) >= size) return SMALL;
    strcpy(to, from);
    return OK;
}

/* What every call on a GPU answers first. */
static int trouble(const Gpu *gpu) {
    if (is("broken-gpu")) return UNKNOWN;
    return gpu->lost ? LOST : OK;
}

static int number(const Gpu *gpu, int value, unsigned *to) {
    int wrong = trouble(gpu);
    if (wrong) return wrong;
    if (value == MISSING) return UNSUPPORTED;
    *to = (unsigned)value;
    return OK;
}

int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (is("hang")) sleep_forever();
    if (is("crash")) abort();
    return self()->init;
}

int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

int nvmlShutdown(void) { return OK; }

const char *nvmlErrorString(int code) {
    switch (code) {
        case OK: return "Success";
        case UNSUPPORTED: return "Not Supported";
        case NOT_LOADED: return "Driver Not Loaded";
        case LOST: return "GPU is lost";
        case MISMATCH: return "Driver/library version mismatch";
        default: return "Unknown Error";
    }
}

int nvmlSystemGetDriverVersion(char *to, unsigned size) { return text(to, size, self()->driver); }

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
    *version = self()->cuda;
    return self()->cuda ? OK : UNKNOWN;
}

int nvmlSystemGetProcessName(unsigned pid, char *to, unsigned size) {
    (void)pid;
    return text(to, size, "/usr/bin/python3.10");
}

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)self()->count;
    return self()->init;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, const Gpu **gpu) {
    if (index >= (unsigned)self()->count) return INVALID;
    *gpu = &self()->gpus[index];
    return OK;
}

int nvmlDeviceGetName(const Gpu *gpu, char *to, unsigned size) {
    return is("broken-gpu") ? UNKNOWN : text(to, size, gpu->name);
}

int nvmlDeviceGetUUID(const Gpu *gpu, char *to, unsigned size) {
    return is("broken-gpu") ? UNKNOWN : text(to, size, gpu->uuid);
}

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, pci_device, subsystem;
    char bus_id[32];
} Pci;

int nvmlDeviceGetPciInfo_v3(const Gpu *gpu, Pci *pci) {
    if (is("broken-gpu")) return UNKNOWN;
    memset(pci, 0, sizeof *pci);
    pci->pci_device = gpu->pci_device;
    return text(pci->bus_id, sizeof pci->bus_id, gpu->bus);
}

int nvmlDeviceGetCudaComputeCapability(const Gpu *gpu, int *major, int *minor) {
    if (is("broken-gpu")) return UNKNOWN;
    *major = gpu->major;
    *minor = gpu->minor;
    return OK;
}

int nvmlDeviceGetMemoryInfo(const Gpu *gpu, unsigned long long memory[3]) {
    if (trouble(gpu)) return trouble(gpu);
    memory[0] = gpu->total;
    memory[1] = gpu->free;
    memory[2] = gpu->total - gpu->free;
    return OK;
}

typedef struct {
    unsigned field, scope;
    long long timestamp, latency;
    int type, result;
    union { unsigned number; unsigned long long wide; } value;
} Field;

int nvmlDeviceGetFieldValues(const Gpu *gpu, int count, Field *fields) {
    int i;
    for (i = 0; i < count; i++) {
        unsigned value = 0;
        fields[i].type = 1; /* unsigned int */
        fields[i].result = fields[i].field == 230 ? number(gpu, gpu->recovery, &value) : UNSUPPORTED;
        fields[i].value.number = value;
    }
    return OK;
}

int nvmlDeviceGetTemperature(const Gpu *gpu, int sensor, unsigned *celsius) {
    (void)sensor;
    if (is("hang-gpu")) sleep_forever();
    return number(gpu, gpu->temperature, celsius);
}

int nvmlDeviceGetTemperatureThreshold(const Gpu *gpu, int threshold, unsigned *celsius) {
    return threshold == 1 ? number(gpu, gpu->slowdown, celsius) : UNSUPPORTED;
}

#define NUMBER(function, field) \
    int function(const Gpu *gpu, unsigned *value) { return number(gpu, gpu->field, value); }

NUMBER(nvmlDeviceGetPowerUsage, power_mw)
NUMBER(nvmlDeviceGetEnforcedPowerLimit, limit_mw)
NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, default_limit_mw)
NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, generation)
NUMBER(nvmlDeviceGetCurrPcieLinkWidth, width)
NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, max_generation)
NUMBER(nvmlDeviceGetMaxPcieLinkWidth, max_width)
NUMBER(nvmlDeviceGetPersistenceMode, persistence)
NUMBER(nvmlDeviceGetDisplayActive, display)
NUMBER(nvmlDeviceGetDisplayMode, display)

int nvmlDeviceGetComputeMode(const Gpu *gpu, unsigned *mode) { return number(gpu, 0, mode); }

int nvmlDeviceGetCurrentClocksEventReasons(const Gpu *gpu, unsigned long long *reasons) {
    *reasons = gpu->throttle;
    return trouble(gpu);
}

int nvmlDeviceGetEccMode(const Gpu *gpu, unsigned *now, unsigned *pending) {
    int result = number(gpu, gpu->ecc, now);
    *pending = *now;
    return result;
}

int nvmlDeviceGetTotalEccErrors(const Gpu *gpu, int uncorrected, int lifetime,
                                unsigned long long *count) {
    if (trouble(gpu)) return trouble(gpu);
    if (gpu->ecc != 1) return UNSUPPORTED;
    *count = !uncorrected ? gpu->corrected : lifetime ? gpu->uncorrected : gpu->volatile_uncorrected;
    return OK;
}

int nvmlDeviceGetRemappedRows(const Gpu *gpu, unsigned *corrected, unsigned *uncorrected,
                              unsigned *pending, unsigned *failed) {
    if (trouble(gpu)) return trouble(gpu);
    if (gpu->ecc != 1) return UNSUPPORTED;
    *corrected = (unsigned)gpu->rows_corrected;
    *uncorrected = (unsigned)gpu->rows_uncorrected;
    *pending = (unsigned)gpu->remap_pending;
    *failed = (unsigned)gpu->remap_failed;
    return OK;
}

int nvmlDeviceGetRetiredPagesPendingStatus(const Gpu *gpu, unsigned *pending) {
    (void)pending;
    return trouble(gpu) ? trouble(gpu) : UNSUPPORTED;
}

int nvmlDeviceValidateInforom(const Gpu *gpu) {
    return trouble(gpu) ? trouble(gpu) : gpu->ecc == 1 ? OK : UNSUPPORTED;
}

int nvmlDeviceGetMigMode(const Gpu *gpu, unsigned *now, unsigned *pending) {
    int result = number(gpu, gpu->mig, now);
    *pending = *now;
    return result;
}

typedef struct {
    unsigned pid;
    unsigned long long bytes;
    unsigned instance, compute_instance;
} Process;

int nvmlDeviceGetComputeRunningProcesses_v3(const Gpu *gpu, unsigned *count, Process *processes) {
    if (trouble(gpu)) return trouble(gpu);
    if (!gpu->pid) {
        *count = 0;
        return OK;
    }
    if (!processes || *count < 1) {
        *count = 1;
        return SMALL;
    }
    *count = 1;
    processes[0].pid = gpu->pid;
    processes[0].bytes = gpu->held;
    processes[0].instance = processes[0].compute_instance = 0xFFFFFFFF;
    return OK;
}

int nvmlDeviceGetGraphicsRunningProcesses_v3(const Gpu *gpu, unsigned *count, Process *processes) {
    (void)processes;
    *count = 0;
    return trouble(gpu);
}
