/**
 * The script inside a page: puts the pictures of the chosen slices in place, follows sliders and choices, and maps the keys 1–6 and the space bar.
 * Plain text, because the page must work from a file without a network.
 */
export const pageScript = `(()=>{
const album=JSON.parse(document.getElementById("album").textContent);
const at=album.views.map(v=>Math.floor(v.slices.length/2));
const all=(s,r=document)=>[...r.querySelectorAll(s)];
function place(stack){const v=+stack.dataset.view;
all("img[data-layer]",stack).forEach(i=>{i.src=album.layers[i.dataset.layer][v][at[v]]});
all("path[data-layer]",stack).forEach(p=>p.setAttribute("d",album.layers[p.dataset.layer][v][at[v]]))}
function show(v){all(".stack[data-view='"+v+"']").forEach(place);
all("input[type=range][data-view='"+v+"']").forEach(r=>{r.value=at[v];const n=album.views[v].slices[at[v]];r.nextElementSibling.value=n;r.setAttribute("aria-valuetext","slice "+n)})}
all("input[type=range]").forEach(r=>r.addEventListener("input",()=>{at[+r.dataset.view]=+r.value;show(+r.dataset.view)}));
all("input[name=show]").forEach(r=>r.addEventListener("change",()=>{r.closest(".viewer").dataset.mode=r.value}));
all("input[name=view]").forEach(r=>r.addEventListener("change",()=>{all("[data-of]").forEach(e=>{e.hidden=e.dataset.of!==r.value})}));
const shows=all("input[name=show]");let before;
const choose=r=>{r.checked=true;r.dispatchEvent(new Event("change"))};
addEventListener("keydown",e=>{if(e.ctrlKey||e.metaKey||e.altKey)return;const k=+e.key-1;
if(shows[k])choose(shows[k]);
else if(e.key===" "&&!/^(INPUT|SUMMARY|BUTTON|A)$/.test(document.activeElement.tagName)){const f=shows.find(r=>r.value==="flicker"),c=shows.find(r=>r.checked);if(!f)return;e.preventDefault();if(c===f)choose(before||shows[0]);else{before=c;choose(f)}}});
album.views.forEach((_,v)=>show(v));
})()`;
