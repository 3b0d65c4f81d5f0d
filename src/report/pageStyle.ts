/** Style of the pages: system fonts, light and dark, one column on a phone. */
export const pageStyle = `
:root{--bg:#f6f6f3;--card:#fff;--ink:#1b1d1f;--soft:#5a6066;--line:#dcdcd6;--accent:#0b62a4;--good:#14693b;--good-bg:#e4f3ea;--check:#7a4d00;--check-bg:#fdf1d8;--bad:#9b1c1c;--bad-bg:#fbe6e4;--c0:#0b62a4;--c1:#b4540a}
@media(prefers-color-scheme:dark){:root{--bg:#141618;--card:#1d2023;--ink:#eceef0;--soft:#a3abb3;--line:#34393e;--accent:#7cbcf2;--good:#8fdcae;--good-bg:#16301f;--check:#f2c76b;--check-bg:#352909;--bad:#ff9f96;--bad-bg:#3a1614;--c0:#7cbcf2;--c1:#f2a35e}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1160px;margin:0 auto;padding:24px 20px 48px}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:0 0 10px}
.sub{color:var(--soft);margin:0 0 16px;overflow-wrap:anywhere}
.verdict{display:flex;gap:12px;align-items:flex-start;padding:14px 16px;border-radius:10px;margin:0 0 16px;border:1px solid}
.verdict b{display:block}.verdict .sign{font-size:1.15rem;line-height:1.2;font-weight:700;width:1.6em;height:1.6em;border-radius:50%;border:2px solid;display:grid;place-items:center;flex:none}
.verdict.good{background:var(--good-bg);color:var(--good)}.verdict.check{background:var(--check-bg);color:var(--check)}.verdict.bad{background:var(--bad-bg);color:var(--bad)}
.verdict p{margin:0}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(132px,1fr));gap:10px;margin:0 0 16px;padding:0;list-style:none}
.figures li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:9px 12px}
.figures span{display:block;color:var(--soft);font-size:.82rem;line-height:1.3}.figures b{font-size:1.15rem;font-variant-numeric:tabular-nums}.figures small{color:var(--soft)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px;margin:0 0 16px}
.choices{display:flex;flex-wrap:wrap;gap:6px;margin:0 0 12px}
.choices label{position:relative;cursor:pointer}.choices input{position:absolute;inset:0;opacity:0;margin:0;cursor:pointer}
.choices span{display:block;padding:4px 11px;border:1px solid var(--line);border-radius:99px;white-space:nowrap}
.choices input:checked+span{background:var(--accent);border-color:var(--accent);color:var(--card)}
.choices input:focus-visible+span,input[type=range]:focus-visible,a:focus-visible,summary:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
kbd{font:.72em ui-monospace,monospace;opacity:.7}
.panes{display:grid;gap:14px;align-items:start}.panes.three{grid-template-columns:repeat(3,minmax(0,1fr))}.panes.one{justify-items:center}.panes.one .stack{max-width:min(100%,760px,calc(640px*var(--ratio)))}
figure{margin:0;min-width:0;width:100%}.panes.one figure{display:grid;justify-items:center}
figcaption{color:var(--soft);font-size:.86rem;margin-top:6px}
.stack{position:relative;width:100%;background:#000;overflow:hidden;border-radius:6px;isolation:isolate}
.stack img,.stack svg{position:absolute;inset:0;width:100%;height:100%;display:block}
.stack svg{overflow:visible}
.letter,.tag{position:absolute;color:#fff;font:600 12px/1 system-ui,sans-serif;text-shadow:0 0 3px #000,0 0 2px #000;pointer-events:none}
.l0{left:6px;top:50%;transform:translateY(-50%)}.l1{right:6px;top:50%;transform:translateY(-50%)}.l2{top:6px;left:50%;transform:translateX(-50%)}.l3{bottom:6px;left:50%;transform:translateX(-50%)}
.tag{left:8px;top:8px;background:#000a;padding:4px 7px;border-radius:4px;text-shadow:none;display:none}
.viewer .stack img{visibility:hidden}
.viewer[data-mode=a] .a,.viewer[data-mode=b] .b,.viewer[data-mode=m] .m,.viewer[data-mode=flicker] .a,.viewer[data-mode=flicker] .b,.viewer[data-mode=checker] .a,.viewer[data-mode=checker] .b,.viewer[data-mode=edges] .b,.viewer[data-mode=edges] .e{visibility:visible!important}
.viewer[data-mode=flicker] .b,.viewer[data-mode=flicker] .tag.tb{animation:flick 1.2s infinite}
@keyframes flick{0%,49.9%{opacity:1}50%,100%{opacity:0}}
.viewer[data-mode=flicker] .tag{display:block}
.viewer[data-mode=checker] .b{-webkit-mask:conic-gradient(#000 25%,#0000 0 50%,#000 0 75%,#0000 0) 0 0/25% calc(25%*var(--ratio,1));mask:conic-gradient(#000 25%,#0000 0 50%,#000 0 75%,#0000 0) 0 0/25% calc(25%*var(--ratio,1))}
.slider{display:grid;grid-template-columns:auto 1fr auto;gap:8px;align-items:center;margin-top:6px;font-size:.86rem;color:var(--soft)}.slider input{width:100%;accent-color:var(--accent);min-width:0}.slider output{font-variant-numeric:tabular-nums;min-width:2.6em;text-align:right}
.cards{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:18px}
.cards figure{display:grid;justify-items:center;align-content:start}.cards figure>*{justify-self:stretch}.cards .stack{max-width:calc(440px*var(--ratio));margin:0 auto}
.cards h3{font-size:.95rem;margin:0 0 6px}
.difference{filter:grayscale(1) url(#difference)}.difference .a{filter:invert(1)}.difference .m,.difference .b{opacity:.5}
.jacobian .j{filter:url(#jacobian)}
.grid .m{opacity:.42}.grid path{fill:none;stroke:#ffd23f;stroke-width:1.1;vector-effect:non-scaling-stroke}
.crisp img{image-rendering:pixelated}
.bar{margin-top:8px;font-size:.82rem;color:var(--soft)}.ramp{height:10px;border-radius:3px;border:1px solid var(--line)}.marks{display:flex;justify-content:space-between;gap:8px;font-variant-numeric:tabular-nums}
.swatch{display:inline-block;width:.85em;height:.85em;border-radius:2px;margin-right:5px;vertical-align:-.06em}
.plot{width:100%;height:auto;display:block}.plot .label{fill:var(--soft);font:12px system-ui,sans-serif}.plot .axis{fill:none;stroke:var(--soft)}.plot .grid-line{stroke:var(--line)}.plot .seam{stroke:var(--soft);stroke-dasharray:3 4;opacity:.7}.plot .curve{fill:none;stroke-width:2.2;stroke-linejoin:round}.plot .c0{stroke:var(--c0)}.plot .c1{stroke:var(--c1)}.plot .dot{fill:var(--c0)}.plot .level{fill:var(--ink)}
table{border-collapse:collapse;width:100%;font-size:.92rem}th,td{text-align:left;vertical-align:top;padding:5px 10px 5px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}tr:first-child>*{border-top:0}th{font-weight:500;color:var(--soft);width:36%}td.n{font-variant-numeric:tabular-nums}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:12px}.strip.large{grid-template-columns:repeat(auto-fill,minmax(min(280px,100%),1fr))}.strip img{width:100%;height:auto;display:block;background:#000;border-radius:6px}.drawing svg{width:100%;height:auto;border-radius:6px}.wide{overflow-x:auto}table.data th{width:auto;white-space:nowrap}
.two{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:16px}.two>section{margin:0}.two{margin-bottom:16px}
.note,.empty{color:var(--soft);font-size:.9rem;margin:10px 0 0}.warnings{margin:0;padding-left:1.2em}.warnings li{margin:2px 0}
footer{color:var(--soft);font-size:.85rem}
@media(max-width:760px){main{padding:16px 12px 32px}.panes.three{grid-template-columns:minmax(0,1fr)}.cards,.two{grid-template-columns:minmax(0,1fr)}.plot .label{font-size:19px}kbd{display:none}h1{font-size:1.25rem}section{padding:12px}}
@media(prefers-reduced-motion:reduce){.viewer[data-mode=flicker] .b,.viewer[data-mode=flicker] .tag.tb{animation-duration:3s}}
@media print{body{background:#fff}section{break-inside:avoid}.choices,.slider{display:none}}
`.replace(/\n/g, "");
