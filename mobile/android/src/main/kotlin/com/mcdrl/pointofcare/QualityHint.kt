package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/**
 * Advice to the person who holds the scope. Each hint is named after a confounder. The model sets the smallest presence that
 * gives a hint.
 */
enum class QualityHint(val confounder: String) {
    REFLECTION("reflection"),
    BLUR("blur"),
    DARK("dark"),
    BRIGHT("bright"),
    BLOOD("blood"),
    MUCUS("mucus"),
    ARTEFACTS("artefacts"),
    NEAR("near"),
    FAR("far"),
    UNEVEN("uneven"),
    ;

    companion object {
        /** The hint for the confounder that exceeds its limit most; `null` for a good picture. */
        fun of(confounders: List<ConfounderWeight>): QualityHint? =
            confounders
                .mapNotNull { confounder ->
                    val hint = entries.find { it.confounder == confounder.name }
                    val excess = confounder.hintPresence?.let { confounder.presence / it } ?: 0f
                    if (hint == null || excess < 1) null else hint to excess
                }
                .maxByOrNull { it.second }
                ?.first
    }
}
