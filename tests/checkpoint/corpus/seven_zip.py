"""7z archives that hold `a.txt`, a clean `c.pkl` and `b.pkl`, which runs the harmless command.

Made with py7zr 1.1.4, which the tests need not have for that.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

from tests.checkpoint.corpus.sample import DANGEROUS, UNREADABLE, Sample

_ARCHIVES = {
    "bcj": (
        "H+sCUCma9-RvW>Tp#T5?000006#xJL00000(ytx#0RSmzWo&G3Ab<i+E`S1KZ*vNBd2@7SZ3-"
        "w@3IG5AWn*Y>Aai7IaC3B0E&$*FhyZI{004nA2d)p$;*Y$aIS`y|>Q)+#;m$%E_ubdFsJb)zbGW}O_mLmIb<"
        "?QEqC8tZTsQ=}oI6r$#Wrsd+9*35KehR9qT+A0<kE8<X5Ou<Ax}k?RkIOWSl|?wsW6Z`!x>=`B#`gCQ2+n{0"
        "2c->0SR*e2MYlJ0U;p)7z}`k000"
    ),
    "plain-header": (
        "H+sCUCma9-77jCeE&u=k00000j{pDw00000itwD=0RSmzWo&G3Ab<i+E`S1KZ*vNBd2@7SZ3-"
        "w@3IG5AWn*Y>Aai7IaC3B0E&u@p1^@vGE&vA$0RRFaApsZ!0|NmA0RRjtDgX!#0|^EM3IX={f$a^_wS7wg!0"
        "rG51p^rb000005hVa&04@M@0C)g&0001E04@M<0BZnj0001D04@M<0BZnj0000K8UX-"
        "M#srgFdEEg}(*%=SdEEi9+60qZdEEgO4gmllfPjG@fPjG@fPjGj00"
    ),
    "lzma": (
        "H+sCUCma9-"
        "6SVLMtN;K2000006#xJL00000%?y~w05lm%?v3dg?nwm9Tn=NT415KIWxKoRJCZ4axJ4QT0(&>Iy^1ZjLyG("
        ")3iU<*(@hWn-~fyOa9scZfinlL579kdETE8}cd-"
        "7GhvBLpCu%KAXp6VV#R}G3E5Q(YykD<5$8XJ!%bo@}ct?bDF5$Jukyi~{N(tWhLsEX4D2gwvwhH|MNvef;<?"
        "RoM-MrvZ*2uwHqbfS<MI=q$bEgh`fenW7000007X~x|33vbp3jqKDAt3=641kRQ00"
    ),
    "delta": (
        "H+sCUCma9-"
        "ML&*Ur2qf`000006#xJL00000iAyCX0RSmz{RaR8v0#Es;8KEN3<Q^H2KoW<2%R1<vi1M~W&Q;Ru~YF20RsW"
        "v+yLMJi~w(4004nA2d)p$;*Y$aIS`y|>Qy`~Cyp;s;Y>F;ZFa9z)yrn-Ie01YBt4i-"
        "f3bkKIIv7j0qHj*^~dES7{hi#I1nx~;_A+0-XOPpMd(%}AJ6+%t;j#m%sMg?%&)l8(tjE8-"
        "h!Zh=teWDTq*zn02c->0SR{i2MYlJ0U;p)7z}`o000"
    ),
    "bzip2": (
        "H+sCUCma9-U?i5IzW@LL000006#xJL000004u`CyLRx4!F+o`-"
        "Q(3Uky(a(w3s=BU5I{iy0T4hAM$8~U03ZM{K+{7bCLt3cqehJ~1R>x?hXYkkuP1eLZdwMV6xc_6`js>BcO+A"
        "V2@4Gi(s1AafB<D(004nA2d)p&+dh3jz>v=6%XaoY08Eh%e7gqZ4xrEsiw-"
        "D?2yl)fB}a4N{B{o!0j`}2T>oL)(r9br)hFJeD}<zHS*}_4n%aexzn1&6D_}ra6ei=-"
        "M{My}gj4Tz+Z8(i0000N22ueDZ2$)g0RRCZApsZ+fPnx2"
    ),
    "deflate": (
        "H+sCUCma9-"
        "21{qunE(I)000006#xJL00000t}q`+%Sg@1$yaD#^3!WzO3p9lDy}RpNzLWbh~Q#iU`S2Q$X6&%$uB4_3DN@"
        "q-~fOCWnBOOfinlL575L*JfA;DJLl0Jf|Qf0<D$C5>JCp|EnBSL(r!je8((KhasuJd?><pn;eQy|&-"
        "dqABXSstFt+^gh(nsQRZX#b57%tRRY7T5R4;(O#;(<2&GUA3JSNIb3t#{M02c-"
        "<0SRpY2MYlJ0U;p)7z}`c000"
    ),
    "stored": (
        "H+sCUCma9-sV#ajDgXcg00000e*gdg00000Dv@r0Xk~0{Zy<mIPA-4~V{dZ`b9r-gWo-"
        "&5SPB3D0A*unZy<AIZ*X&TQZ4}m1^@vGDgXxy0RRC301PSs2n_=X1_TNL_W6PB4bruJO98;{000F85hVa&04"
        "@M@0C)g&0001E04@M<0BZnj0001D04@M<0BZnj0000K8UX;X5F(RXdEEhU6e5#bdEEif7b25edEEgO4gmllf"
        "PjG@fPjG@fPjGj00"
    ),
    "ppmd": (
        "H+sCUCma9-"
        "uH!H&od5s;000006#xJL00000?A+Qz0B8GyeQ+d~?uEYsR=iG@ygR}_*{0~Ndc!$6CMfNYk1+ZGvqqt>0N?<"
        "K0Bl_V0D&_Ht`E?b<b0n$M?qNEXs=_y4=9K|(e`E)ab%MiMeA>c2DP=8j!fJwI<p9ekYk~RPf34yKQ1Apnq+"
        "v)htI&>5n2l?5$j_o8N;^Y$X<@sq31P7-=6Se^dB}&;u)d@gY78<i2wiq02c-"
        "+0SR;f2MYlJ0U;p)7z}`k000"
    ),
}


def samples() -> Iterator[Sample]:
    """One for each way of packing; PPMd is not unpacked."""
    for name, text in _ARCHIVES.items():
        verdict = UNREADABLE if name == "ppmd" else DANGEROUS
        data = base64.b85decode(text)
        yield Sample(f"7z-{name}", data, verdict, ".7z")
        yield Sample(f"7z-{name}-cut", data[:-4], UNREADABLE, ".7z")
