package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/** What the person who holds the scope can do about the picture; the names are those of the model's confounders. */
enum class QualityHint(val confounder: String, private val disturbs: Float) {
    REFLECTION("reflection", 0.30f),
    BLUR("blur", 0.30f),
    DARK("dark", 0.30f),
    BRIGHT("bright", 0.30f),
    BLOOD("blood", 0.30f),
    MUCUS("mucus", 0.30f),
    ARTEFACTS("artefacts", 0.35f),
    NEAR("near", 0.40f),
    FAR("far", 0.40f),
    UNEVEN("uneven", 0.45f),
    ;

    companion object {
        /** The hint about what disturbs most, beyond what a good picture has; `null` for a good picture. */
        fun of(confounders: List<ConfounderWeight>): QualityHint? =
            confounders
                .mapNotNull { weight ->
                    entries.find { it.confounder == weight.name }
                        ?.takeIf { weight.weight >= it.disturbs }
                        ?.let { it to weight.weight / it.disturbs }
                }
                .maxByOrNull { it.second }
                ?.first
    }
}
