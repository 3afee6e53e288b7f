package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/**
 * What the person who holds the scope can do about the picture; the names are those of the model's confounders. From which
 * weight on one disturbs was measured with the demonstration model: 95 of 100 real frames of each site have less, and 99 of
 * 100 synthetic ones without that confounder.
 */
enum class QualityHint(val confounder: String, private val disturbs: Float) {
    REFLECTION("reflection", 0.17f),
    BLUR("blur", 0.08f),
    DARK("dark", 0.08f),
    BRIGHT("bright", 0.13f),
    BLOOD("blood", 0.16f),
    MUCUS("mucus", 0.10f),
    ARTEFACTS("artefacts", 0.15f),
    NEAR("near", 0.18f),
    FAR("far", 0.15f),
    UNEVEN("uneven", 0.11f),
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
