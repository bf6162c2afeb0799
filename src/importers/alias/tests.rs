use super::*;

const MIB: u32 = 1_024;

fn check(expected: &str, spellings: &[(&str, u32)]) {
    for (name, gb) in spellings {
        let memory = (*gb > 0).then_some(*gb * MIB);
        assert_eq!(product(name, memory).as_ref().map(Symbol::as_str), Ok(expected), "{name} with {gb} GB");
    }
}

fn check_mib(expected: &str, name: &str, mib: u32) {
    assert_eq!(product(name, Some(mib)).unwrap().as_str(), expected, "{name} with {mib} MiB");
}

fn refused(code: RefusalCode, names: &[(&str, u32)]) {
    for (name, gb) in names {
        let memory = (*gb > 0).then_some(*gb * MIB);
        assert_eq!(product(name, memory).unwrap_err().code, code, "{name} with {gb} GB");
    }
}

/// The names below, 0 for "memory not stated beside the name", are all that occur in the catalogues this was
/// written against: gpurentalprices, Vast, SkyPilot, Google Cloud, RunPod, the press and hand-made tables.
#[test]
fn every_spelling_of_hopper_is_known() {
    check(
        "h100-sxm-80gb",
        &[
            ("h100-sxm", 80),
            ("H100 SXM", 0),
            ("H100_SXM", 80),
            ("H100-80G-SXM5", 0),
            ("H100-80G-SXM5", 80),
            ("NVIDIA H100 80GB HBM3", 80),
            ("NVIDIA H100 SXM", 80),
            ("NVIDIA H100 SXM5", 80),
            ("NVIDIA HGX H100", 80),
            ("NVIDIA HGX H100 SXM", 80),
            ("H100 HGX (80GB)", 0),
        ],
    );
    check(
        "h100-pcie-80gb",
        &[
            ("h100-pcie", 80),
            ("H100 PCIE", 0),
            ("H100_PCIe", 80),
            ("H100-80G-PCIe", 80),
            ("H100-80G-PCIe-NVLink", 80),
            ("H100 PCIe (80GB)", 0),
            ("NVIDIA H100 PCIe", 80),
            ("NVIDIA H100 PCIe NVLink", 80),
        ],
    );
    check("h100-nvl-94gb", &[("h100-nvl", 94), ("H100_NVL", 94), ("NVIDIA H100 NVL", 94)]);
    check(
        "h100-unspecified-80gb",
        &[
            ("H100", 0),
            ("h100", 80),
            ("H100 (80 GB)", 0),
            ("H100 (80GB)", 0),
            ("H100-80GB", 0),
            ("H100_80GB", 0),
            ("H100-80GB-mega", 0),
            ("NVIDIA H100", 80),
            ("NVIDIA H100 NVLink", 80),
        ],
    );
    check(
        "h200-sxm-141gb",
        &[("NVIDIA H200 SXM", 141), ("NVIDIA H200 SXM5", 141), ("NVIDIA HGX H200", 141), ("H200 SXM", 0)],
    );
    check("h200-nvl-141gb", &[("h200-nvl", 141), ("h200-nvl", 143), ("H200 NVL", 0), ("NVIDIA_H200_NVL", 143)]);
    check("h200-unspecified-141gb", &[("h200", 141), ("h200", 143), ("H200", 0), ("NVIDIA H200", 141)]);
    check("h200-sxm-141gb", &[("H200_SXM", 0)]);
    check("gh200-96gb", &[("gh200", 96), ("GH200 (96 GB)", 0), ("NVIDIA GH200", 96)]);
    check("gh200-144gb", &[("GH200", 144)]);
}

#[test]
fn every_spelling_of_blackwell_and_instinct_is_known() {
    check("b200-180gb", &[("b200", 180), ("b200", 192), ("B200", 0), ("NVIDIA B200", 180), ("B200 SXM6", 192)]);
    check("b200-180gb", &[("NVIDIA B200 SXM", 180), ("NVIDIA B200 SXM6", 180)]);
    check("b300-288gb", &[("b300", 262), ("b300", 268), ("b300", 288), ("B300", 0), ("NVIDIA B300", 288)]);
    check("b300-288gb", &[("B300 SXM6", 288), ("NVIDIA B300 SXM6", 262), ("NVIDIA HGX B300", 288)]);
    check("gb200-186gb", &[("gb200", 186)]);
    check("gb300-288gb", &[("gb300", 288), ("GB300 SXM6", 288), ("NVIDIA GB300 SXM6", 288)]);
    check("mi300x-192gb", &[("mi300x", 192), ("AMD MI300X", 192)]);
    check("mi325x-256gb", &[("mi325x", 256)]);
    check("mi350x-288gb", &[("mi350x", 288), ("AMD MI350X", 288)]);
    check("mi355x-288gb", &[("mi355x", 288)]);
    check("rtx-pro-6000-unspecified-96gb", &[("rtx-pro-6000", 96), ("RTX PRO 6000", 96), ("RTX Pro 6000", 96)]);
    check(
        "rtx-pro-6000-unspecified-96gb",
        &[
            ("RTX Pro 6000 Blackwell", 96),
            ("NVIDIA RTX PRO 6000", 96),
            ("NVIDIA RTX Pro 6000", 96),
            ("NVIDIA RTX 6000 Pro", 96),
        ],
    );
    check(
        "rtx-pro-6000-server-96gb",
        &[("rtx-pro-6000-server", 96), ("RTX PRO 6000 SE", 96), ("NVIDIA RTX Pro 6000 SE", 96)],
    );
    check("rtx-pro-6000-workstation-96gb", &[("rtx-pro-6000-wk", 96), ("RTX PRO 6000 WE", 96)]);
    check("rtx-pro-6000-maxq-96gb", &[("rtx-pro-6000-maxq", 96)]);
}

#[test]
fn every_spelling_of_ampere_is_known() {
    check(
        "a100-sxm-80gb",
        &[
            ("a100-sxm-80", 80),
            ("A100 SXM", 80),
            ("NVIDIA A100-SXM4-80GB", 0),
            ("NVIDIA A100 SXM", 80),
            ("NVIDIA A100 SXM4", 80),
            ("NVIDIA A100 SXM4 80GB", 80),
            ("NVIDIA A100 80GB SXM", 80),
        ],
    );
    check("a100-sxm-40gb", &[("a100-sxm-40", 40), ("NVIDIA A100 SXM4", 40), ("NVIDIA A100 SXM", 40)]);
    check(
        "a100-pcie-80gb",
        &[
            ("a100-pcie-80", 80),
            ("A100_PCIe", 80),
            ("A100-80G-PCIe", 80),
            ("A100-80G-PCIe-NVLink", 80),
            ("NVIDIA A100 80GB PCIe", 80),
            ("A100 80GB PCIe", 0),
        ],
    );
    check("a100-pcie-40gb", &[("a100-pcie-40", 40), ("A100 40GB PCIe", 40), ("NVIDIA A100 PCIe", 40)]);
    check(
        "a100-unspecified-80gb",
        &[
            ("a100", 80),
            ("A100 (80 GB)", 0),
            ("A100-80GB", 0),
            ("A100_80GB", 0),
            ("A100 80GB", 0),
            ("Nvidia A100 (80GB)", 80),
            ("NVIDIA A100", 80),
            ("NVIDIA A100 80GB", 80),
            ("A100 80GB NVLINK", 80),
            ("NVIDIA A100 80GB NVLink", 80),
            ("NVIDIA A100 NVLink", 80),
        ],
    );
    check(
        "a100-unspecified-40gb",
        &[("A100 (40 GB)", 0), ("A100-40GB", 0), ("A100 40GB NVLINK", 40), ("NVIDIA A100 40GB", 40)],
    );
    check("a800-unspecified-80gb", &[("A800 80G", 80)]);
    check("a10-24gb", &[("a10", 24), ("A10", 0), ("A10 (24 GB)", 0), ("NVIDIA A10", 24)]);
    check("a10g-24gb", &[("A10G (24 GB)", 0)]);
    check("a16-16gb", &[("A16", 16), ("NVIDIA A16", 16)]);
    check("a30-24gb", &[("a30", 24), ("NVIDIA A30", 24)]);
    check("a40-48gb", &[("a40", 48), ("A40 (48 GB)", 0), ("NVIDIA A40", 48), ("Nvidia A40 (Large)", 48)]);
}

#[test]
fn every_spelling_of_workstation_and_older_cards_is_known() {
    check("l4-24gb", &[("l4", 24), ("L4", 0), ("L4 (24 GB)", 0), ("NVIDIA L4", 24)]);
    check("l40-48gb", &[("l40", 48), ("L40", 48), ("NVIDIA L40", 48)]);
    check("l40s-48gb", &[("l40s", 48), ("L40S", 0), ("NVIDIA L40S", 48)]);
    check("t4-16gb", &[("t4", 16), ("T4 (16 GB)", 0), ("Tesla T4", 16), ("NVIDIA T4", 16), ("Nvidia T4", 16)]);
    check("p4-8gb", &[("P4 (8 GB)", 0)]);
    check("p40-24gb", &[("Tesla P40", 24)]);
    check("p100-16gb", &[("P100 (16 GB)", 0)]);
    check("k80-12gb", &[("K80 (12 GB)", 0)]);
    check("v100-unspecified-16gb", &[("v100", 16), ("V100 (16 GB)", 0), ("Tesla V100", 16), ("Tesla V100 NVLINK", 16)]);
    check("v100-unspecified-32gb", &[("V100 (32 GB)", 0), ("Tesla V100", 32), ("Tesla V100 NVLink", 32)]);
    check("v100-sxm-16gb", &[("v100-sxm2", 16), ("Tesla V100 SXM2", 16)]);
    check("v100-sxm-32gb", &[("Tesla V100-SXM2-32GB", 0)]);
    check("v100-pcie-16gb", &[("v100-pcie", 16)]);
    check("quadro-rtx-4000-8gb", &[("Quadro RTX 4000", 8), ("RTX4000 (8 GB)", 0)]);
    check(
        "quadro-rtx-5000-16gb",
        &[("quadro-rtx-5000", 16), ("Quadro RTX 5000", 16), ("RTX5000 (16 GB)", 0), ("RTX5000 (16GB)", 0)],
    );
    check(
        "quadro-rtx-6000-24gb",
        &[("quadro-rtx-6000", 24), ("Quadro RTX 6000 (24 GB)", 0), ("NVIDIA Quadro RTX 6000", 24)],
    );
    check(
        "rtx-a4000-16gb",
        &[("rtx-a4000", 16), ("RTX-A4000", 16), ("A4000 (16 GB)", 0), ("RTX A4000", 16), ("NVIDIA RTX A4000", 16)],
    );
    check("rtx-a5000-24gb", &[("rtx-a5000", 24), ("A5000 (24 GB)", 0), ("RTX A5000", 24), ("NVIDIA RTX A5000", 24)]);
    check(
        "rtx-a6000-48gb",
        &[
            ("rtx-a6000", 48),
            ("RTX-A6000", 48),
            ("RTX_A6000", 48),
            ("A6000 (48 GB)", 0),
            ("RTX A6000 (48 GB)", 0),
            ("RTX A6000", 0),
            ("NVIDIA A6000", 48),
            ("NVIDIA RTX A6000", 48),
            ("NVIDIA Quadro RTX A6000", 48),
        ],
    );
    check("rtx-4000-ada-20gb", &[("RTX 4000 Ada", 20), ("NVIDIA RTX 4000 Ada", 20)]);
    check("rtx-6000-ada-48gb", &[("rtx-6000-ada", 48), ("RTX 6000 Ada", 48), ("NVIDIA RTX 6000 Ada", 48)]);
}

#[test]
fn every_spelling_of_consumer_cards_is_known() {
    check("rtx-3090-24gb", &[("rtx-3090", 24), ("RTX 3090", 0), ("NVIDIA RTX 3090", 24)]);
    check("rtx-3090-ti-24gb", &[("rtx-3090-ti", 24), ("RTX 3090 Ti", 24)]);
    check("rtx-4090-24gb", &[("rtx-4090", 24), ("RTX 4090", 0), ("RTX_4090", 24), ("NVIDIA GeForce RTX 4090", 24)]);
    check("rtx-4090-24gb", &[("NVIDIA RTX 4090", 24), ("RTX 4090 (High freq.)", 24)]);
    check("rtx-4090-48gb", &[("RTX 4090 (48 GB mod)", 48), ("RTX 4090", 48)]);
    check("rtx-5080-16gb", &[("rtx-5080", 16), ("RTX 5080", 16)]);
    check("rtx-5090-32gb", &[("rtx-5090", 32), ("RTX5090", 0), ("RTX 5090", 32), ("NVIDIA RTX 5090", 32)]);
    check("rtx-5090-32gb", &[("RTX 5090 (High freq.)", 32), ("NVIDIA GeForce RTX 5090", 32)]);
    check("rtx-4080-32gb", &[("RTX 4080 (32 GB mod)", 32)]);
    for (name, gb, expected) in [
        ("GTX 1050 Ti", 4, "gtx-1050-ti-4gb"),
        ("GTX 1060", 6, "gtx-1060-6gb"),
        ("GTX 1070", 8, "gtx-1070-8gb"),
        ("GTX 1080", 8, "gtx-1080-8gb"),
        ("GTX 1080 Ti", 11, "gtx-1080-ti-11gb"),
        ("GTX 1650", 4, "gtx-1650-4gb"),
        ("GTX 1660", 6, "gtx-1660-6gb"),
        ("GTX 1660 Super", 6, "gtx-1660-super-6gb"),
        ("RTX 2060", 6, "rtx-2060-6gb"),
        ("RTX 2070", 8, "rtx-2070-8gb"),
        ("RTX 2080", 8, "rtx-2080-8gb"),
        ("RTX 2080 Ti", 11, "rtx-2080-ti-11gb"),
        ("RTX 3050", 8, "rtx-3050-8gb"),
        ("RTX 3060", 12, "rtx-3060-12gb"),
        ("RTX 3060 Ti", 8, "rtx-3060-ti-8gb"),
        ("RTX 3070", 8, "rtx-3070-8gb"),
        ("RTX 3070 Ti", 8, "rtx-3070-ti-8gb"),
        ("RTX 3080", 10, "rtx-3080-10gb"),
        ("RTX 3080 Ti", 12, "rtx-3080-ti-12gb"),
        ("RTX 4060 Ti", 16, "rtx-4060-ti-16gb"),
        ("RTX 4070", 12, "rtx-4070-12gb"),
        ("RTX 4070 Ti", 12, "rtx-4070-ti-12gb"),
        ("RTX 4070 Ti Super", 16, "rtx-4070-ti-super-16gb"),
        ("RTX 4080", 16, "rtx-4080-16gb"),
        ("RTX 5060 Ti", 16, "rtx-5060-ti-16gb"),
        ("RTX 5070", 12, "rtx-5070-12gb"),
        ("RTX 5070 Ti", 16, "rtx-5070-ti-16gb"),
    ] {
        check(expected, &[(name, gb)]);
    }
}

#[test]
fn what_drivers_report_is_the_nominal_memory() {
    check_mib("h100-sxm-80gb", "H100 SXM", 81_559);
    check_mib("h200-unspecified-141gb", "H200", 143_771);
    check_mib("h200-nvl-141gb", "H200 NVL", 143_771);
    check_mib("l40s-48gb", "L40S", 46_068);
    check_mib("rtx-4090-24gb", "RTX 4090", 24_564);
    check_mib("rtx-4090-48gb", "RTX 4090", 49_140);
    check_mib("rtx-5090-32gb", "RTX5090", 32_607);
    check_mib("v100-unspecified-32gb", "Tesla V100", 32_768);
    check_mib("v100-unspecified-16gb", "Tesla V100", 16_384);
    check_mib("a100-pcie-40gb", "A100 PCIE", 40_960);
    check_mib("a100-pcie-80gb", "A100 PCIE", 81_920);
}

#[test]
fn parts_totals_and_contradictions_are_refused() {
    refused(
        RefusalCode::MemoryMismatch,
        &[
            ("a100-pcie-80", 40),
            ("a100-sxm-80", 40),
            ("A100 (20 GB)", 0),
            ("a40", 16),
            ("h100-nvl", 80),
            ("rtx-pro-6000", 24),
            ("rtx-pro-6000", 48),
            ("H100", 640),
            ("H100", 200),
        ],
    );
    refused(
        RefusalCode::MemoryNotStated,
        &[("A100", 0), ("A100 SXM", 0), ("V100 SXM", 0), ("GH200", 0), ("RTX 3060", 0)],
    );
}

#[test]
fn names_that_say_too_little_or_count_are_refused() {
    refused(
        RefusalCode::UnknownGpu,
        &[
            ("", 0),
            ("(96GB)", 0),
            ("V100/S", 16),
            ("NVIDIA B200 NVL", 180),
            ("NVIDIA RTX PRO 6000 CC", 96),
            ("NVIDIA RTX PRO-A6000 SE", 96),
            ("H1000", 80),
            ("ハイパー", 0),
        ],
    );
    refused(
        RefusalCode::AmbiguousCount,
        &[("8x NVIDIA H100 SXM", 80), ("1x NVIDIA A10", 24), ("2x Nvidia A40 (Large)", 48)],
    );
}

#[test]
fn no_spelling_is_listed_twice_and_every_symbol_is_valid() {
    let models = || DATACENTRE.iter().chain(WORKSTATION).chain(CONSUMER);
    let mut spellings: Vec<_> = models().flat_map(|model| model.spellings).collect();
    let count = spellings.len();
    spellings.sort_unstable();
    spellings.dedup();
    assert_eq!(spellings.len(), count);
    for model in models() {
        for memory in model.memories {
            assert!(Symbol::new(format!("{}-{}gb", model.stem, memory.gb)).is_some(), "{}", model.stem);
        }
    }
}
