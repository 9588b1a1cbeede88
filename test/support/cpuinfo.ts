/**
 * /proc/cpuinfo of some boards, abridged: one or two cores each, and of an x86 processor's flags
 * only those that tell generations apart. Written after the feature lists of the processors, not
 * copied from boards at hand.
 */

/** Cortex-A72: no dot product. */
const raspberryPi4 = `processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

Revision	: c03111
Model		: Raspberry Pi 4 Model B Rev 1.1
`;

/** Cortex-A76. */
const raspberryPi5 = `processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x4
CPU part	: 0xd0b
CPU revision	: 1

Model		: Raspberry Pi 5 Model B Rev 1.0
`;

/** Cortex-A78AE. */
const jetsonOrin = `processor	: 0
model name	: ARMv8 Processor rev 1 (v8l)
BogoMIPS	: 62.50
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp uscat ilrcpc flagm paca pacg
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd42
CPU revision	: 1
`;

/** Cascade Lake: AVX-512 with VNNI. */
const xeon = `processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 85
model name	: Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz
stepping	: 7
flags		: fpu sse sse2 ssse3 fma cx16 sse4_1 sse4_2 avx f16c bmi1 avx2 bmi2 avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni
bugs		: spectre_v1 spectre_v2

processor	: 1
vendor_id	: GenuineIntel
flags		: fpu sse sse2 ssse3 fma cx16 sse4_1 sse4_2 avx f16c bmi1 avx2 bmi2 avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni
`;

/** Alder Lake N: VNNI without AVX-512. */
const smallPc = `processor	: 0
vendor_id	: GenuineIntel
model name	: Intel(R) N100
flags		: fpu sse sse2 ssse3 fma cx16 sse4_1 sse4_2 avx f16c bmi1 avx2 bmi2 avx_vnni
vmx flags	: vnmi preemption_timer
`;

/** Haswell: AVX2 and nothing after it. */
const oldPc = `processor	: 0
vendor_id	: GenuineIntel
model name	: Intel(R) Core(TM) i5-4590 CPU @ 3.30GHz
flags		: fpu sse sse2 ssse3 fma cx16 sse4_1 sse4_2 avx f16c bmi1 avx2 bmi2
`;

/** Two kinds of cores, only one of them with dot product. */
const mixedCores = `processor	: 0
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid
CPU part	: 0xd03

processor	: 4
Features	: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimddp
CPU part	: 0xd0b
`;

export const boards = {
  raspberryPi4,
  raspberryPi5,
  jetsonOrin,
  xeon,
  smallPc,
  oldPc,
  mixedCores,
} as const;
